"""Which ids of other people's, and which domains, mean a company of ours."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from db.arrays import columns
from db.errors import translated
from db.pool import Pool
from db.session import Session
from db.sql import load


class AliasKey(NamedTuple):
    """An id of a source's, or a domain in lower case, which is nobody's: its source is empty."""

    source: str
    kind: str
    alias: str


class AliasRow(NamedTuple):
    """An alias with the company that it means."""

    source: str
    kind: str
    alias: str
    company_id: str


class KnownAliases:
    """Aliases as the HTTP side asks for them.

    Args:
        pool: opened and closed by whoever made it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool, self._sql = pool, load("aliases")

    async def known(self, keys: Collection[AliasKey]) -> dict[AliasKey, str]:
        """Those that mean a company of ours; one round trip.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        rows = await self._pool.rows(self._sql["known_aliases"], columns(AliasKey, list(keys)))
        return {AliasKey(*row[:3]): row[3] for row in rows}


class AliasStore(Session):
    """Aliases as an operator teaches them."""

    queries = "aliases"

    def teach(self, rows: Sequence[AliasRow], theirs: str, ours: str) -> None:
        """Aliases of company `ours`; what meant `theirs` so far means `ours` as well.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        connection = self._open()
        with translated(), connection.transaction():
            connection.execute(self._sql["follow"], {"theirs": theirs, "ours": ours})
            connection.execute(self._sql["teach"], columns(AliasRow, rows))


def id_key(source: str, alias: str) -> AliasKey:
    """The key of a source's own id of a company."""
    return AliasKey(source, "id", alias)


def domain_key(domain: str) -> AliasKey:
    """The key of a domain, however it is written."""
    return AliasKey("", "domain", domain.strip().casefold().removeprefix("www.").rstrip("."))
