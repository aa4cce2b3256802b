"""Workspaces: their policies, as files, as versions in the database, and as values."""
