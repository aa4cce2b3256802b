"""The HTTP side: verifies what providers post and produces it to the log."""
