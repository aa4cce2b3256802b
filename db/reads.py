"""The read side: what the HTTP side and the command line ask of the database, without ever writing.

All times are integer ms UTC.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from db.arrays import columns
from db.pool import Pool
from db.rows import EventKey
from db.sql import load
from db.views import (
    DeadLetterView,
    GroupView,
    HistoryLine,
    MemberView,
    OutcomeView,
    PastGroupView,
    PastMemberView,
    VersionView,
)
from schemas.events import MAX_TIME_MS

__all__ = [
    "DeadLetterView",
    "GroupView",
    "HistoryLine",
    "MemberView",
    "OutcomeView",
    "PastGroupView",
    "PastMemberView",
    "Reads",
    "VersionView",
]

MAX_OUTCOMES: Final = 1000
"""Companies that one answer about a change lists, and dead letters too."""
_HEAD_COLUMNS: Final = 15
_PAST_HEAD_COLUMNS: Final = 8
_VERSION_COLUMNS: Final = 4


class HistoryQuery(NamedTuple):
    """Which versions of a group are asked for.

    Attributes:
        person_id: only lines about this person, and versions that have any; None: all.
        since: versions from this log time on, ms.
        until: versions up to this log time, ms.
        limit: at most so many, the newest.
    """

    workspace_id: str
    company_id: str
    person_id: str | None = None
    since: int = 0
    until: int = MAX_TIME_MS
    limit: int = 20


class Reads:
    """Questions, each one statement; a context that opens and closes the pool.

    Args:
        database_url: libpq URI.
        statement_timeout_seconds: a statement that takes longer is cancelled, and so is waiting for a connection.
    """

    def __init__(self, database_url: str, statement_timeout_seconds: float = 5.0) -> None:
        self._sql = load("reads")
        self.pool = Pool(database_url, statement_timeout_seconds)

    async def __aenter__(self) -> Self:
        await self.pool.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pool.__aexit__(kind, error, trace)

    async def known_events(self, keys: Collection[EventKey]) -> set[EventKey]:
        """Which of these changes had their effect; one round trip.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        rows = await self._rows("known_events", columns(EventKey, list(keys)))
        return {EventKey(*row) for row in rows}

    async def group(self, workspace_id: str, company_id: str) -> GroupView | None:
        """A company's buyer group; None when no change of the company was applied yet.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        return group_view(await self._rows("group", {"company_id": company_id, "workspace_id": workspace_id}))

    async def past_group(self, workspace_id: str, company_id: str, until: int) -> PastGroupView | None:
        """A company's buyer group as it was at a log time; None when it was not there yet.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        wanted = {"company_id": company_id, "workspace_id": workspace_id, "until": until}
        rows = await self._rows("past_group", wanted)
        if not rows:
            return None
        start = _PAST_HEAD_COLUMNS
        members = tuple(PastMemberView(*row[start:]) for row in rows if row[start] is not None)
        return PastGroupView(*(*rows[0][:start], members))

    async def versions(self, wanted: HistoryQuery) -> list[VersionView]:
        """What the versions of a group changed, the newest first; none when there is no such group.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        rows = await self._rows("versions", wanted._asdict())
        return [
            VersionView(*(*head, tuple(events), tuple(HistoryLine(*row[_VERSION_COLUMNS:]) for row in lines)))
            for (*head, events), lines in _grouped(rows, _VERSION_COLUMNS)
        ]

    async def outcomes(self, source: str, event_id: str) -> list[OutcomeView]:
        """What became of a change at each company it touched, at most `MAX_OUTCOMES` of them.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        wanted = {"source": source, "event_id": event_id, "limit": MAX_OUTCOMES}
        return [OutcomeView(*row) for row in await self._rows("outcomes", wanted)]

    async def dead_letters(self, source: str, event_id: str) -> list[DeadLetterView]:
        """Records of a change that could not be applied, by their CloudEvents headers; the latest first.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        wanted = {"source": source, "event_id": event_id, "limit": MAX_OUTCOMES}
        return [DeadLetterView(*row) for row in await self._rows("dead_letters", wanted)]

    async def _rows(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        return await self.pool.rows(self._sql[query], parameters)


def group_view(rows: Sequence[tuple[Any, ...]]) -> GroupView | None:
    """The rows of the query `group` as one value; None when there are none."""
    if not rows:
        return None
    members = tuple(MemberView(*row[_HEAD_COLUMNS:]) for row in rows if row[_HEAD_COLUMNS] is not None)
    return GroupView(*(*rows[0][:_HEAD_COLUMNS], members))


def _grouped(rows: Sequence[Any], columns: int) -> Iterator[tuple[Sequence[Any], list[Any]]]:
    """Rows that have their first columns in common, which are next to each other."""
    for head, lines in groupby(rows, lambda row: row[:columns]):
        yield head, list(lines)
