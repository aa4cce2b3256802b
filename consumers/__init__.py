"""Reads the log and keeps the buyer groups right."""
