"""How a time is written for people and other systems."""

from datetime import UTC, datetime


def iso_utc(ms: int) -> str:
    """A time, given in ms since 1970-01-01 UTC, in ISO 8601 with milliseconds: `2025-10-10T12:00:00.000Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
