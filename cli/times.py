"""Times on the command line."""

from datetime import UTC, datetime

from cli.failures import USAGE, CommandError


def parse_time(option: str, text: str | None) -> int | None:
    """A time in ms UTC; None when none was given.

    Args:
        option: its name, for the message.
        text: ISO 8601; UTC unless it says otherwise.

    Raises:
        CommandError: it is no time.
    """
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{option} {text}: must be a time in ISO 8601, like 2026-11-24T14:00:00Z", USAGE) from None
    return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
