"""Finds the companies that a hint is about: one change for each, or the hint is parked with its reason."""
