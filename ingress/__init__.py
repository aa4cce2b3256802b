"""The HTTP side: signed webhooks in, the read API out."""
