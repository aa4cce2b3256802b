"""Webhooks that no adapter could read, kept whole."""

from typing import NamedTuple

from db.pool import Pool
from db.sql import load


class WebhookLetter(NamedTuple):
    """An authentic webhook that could not be read.

    Attributes:
        field: where it is wrong, as the sender spells it.
        received_at: ms UTC.
    """

    source: str
    body: bytes
    field: str
    reason: str
    received_at: int


class WebhookLetters:
    """Where they are kept.

    Args:
        pool: opened and closed by whoever made it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool, self._sql = pool, load("webhook_letters")

    async def keep(self, letter: WebhookLetter) -> None:
        """Keep one; the same bytes again are counted only.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        texts = {"field": _storable(letter.field), "reason": _storable(letter.reason)}
        await self._pool.run(self._sql["keep"], letter._asdict() | texts)


def _storable(text: str) -> str:
    """Text as PostgreSQL takes it: a field's name may hold what its text type has no room for."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
