"""What opt-outs have left to be searched: everything that nobody could read, page by page, remembered until it is done.

Whoever searches needs no lock that others wait for. A crash loses at most a page; several may search at a time.
"""

from collections.abc import Callable, Sequence
from typing import Final, LiteralString

from db.erasure import at_once
from db.errors import translated
from db.session import Session

PARTS: Final[tuple[LiteralString, ...]] = ("search_letters", "search_webhooks", "search_steps")
PAGE_ROWS: Final = 500
PAGE_OCTETS: Final = 1 << 20
"""A page takes about a tenth of a second; a row may have as much alone, and is then searched alone."""
NAMES_AT_ONCE: Final = 100
"""The time that a page takes grows with the names that are searched for."""


class Searches(Session):
    """The searches of one database; used by one thread."""

    queries = "searches"

    def turn(self, patterns_of: Callable[[Sequence[str]], Sequence[str]]) -> int:
        """Search a page for somebody who waits for it.

        Args:
            patterns_of: from names to regular expressions that find them in texts, and in bytes as PostgreSQL's
                `encode(…, 'escape')` writes them.

        Returns:
            How many searches wait or are under way, here or elsewhere; 0: there is nothing to do.

        Raises:
            RetryableDatabaseError: the database is away; nothing was done.
            FatalDatabaseError: it cannot do this search; nothing was done.
        """
        connection = self._open()
        with translated(), connection.transaction():
            connection.execute(self._sql["one_snapshot"])
            claimed = connection.execute(self._sql["claim"]).fetchone()
            if claimed is not None:
                number, names, part, place = claimed
                if place is None:
                    place, names = [], self._begin(number, names)
                self._page(number, patterns_of(names), part, place)
            ((count,),) = connection.execute(self._sql["count_searches"]).fetchall()
        return int(count)

    def _begin(self, number: int, names: Sequence[str]) -> list[str]:
        room = {"searches": NAMES_AT_ONCE, "names": max(0, NAMES_AT_ONCE - len(names))}
        wanted = {"number": number, "own": list(names), **room}
        ((found,),) = self._open().execute(self._sql["begin"], wanted).fetchall()
        return list(found)

    def _page(self, number: int, patterns: Sequence[str], part: int, place: Sequence[str]) -> None:
        # In one snapshot: what a statement erases makes room, so each sees at least the rows of the first one's page.
        pages = [self._search(part, place, some) for some in at_once(patterns)]
        last = pages[0] if pages else None
        if last is None and part + 1 == len(PARTS):
            self._open().execute(self._sql["end"], {"number": number})
            return
        there = {"part": part, "place": last[0]} if last else {"part": part + 1, "place": []}
        self._open().execute(self._sql["go_on"], {"number": number, **there})

    def _search(self, part: int, place: Sequence[str], patterns: list[str]) -> tuple[list[str]] | None:
        wanted = {"place": list(place), "patterns": patterns, "rows": PAGE_ROWS, "octets": PAGE_OCTETS}
        return self._open().execute(self._sql[PARTS[part]], wanted).fetchone()
