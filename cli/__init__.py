"""The command ``person-changes``, a file a noun."""
