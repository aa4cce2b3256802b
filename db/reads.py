"""The read side: what the HTTP side and the command line ask of the database, without ever writing.

All times are integer ms UTC.
"""

from collections.abc import Collection
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg_pool import AsyncConnectionPool

from db.arrays import columns
from db.errors import translated
from db.rows import EventKey
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
POOL_SIZE: Final = 4
_HEAD_COLUMNS: Final = 13
# Without the planner settings, PostgreSQL may scan whole tables as long as nobody has analysed them.
_SESSION: Final = """
SELECT set_config('statement_timeout', %(timeout)s, false), set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false)
"""


@dataclass(frozen=True, slots=True)
class MemberView:
    """One person in one role of a buyer group."""

    person_id: str
    role: str
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int
    why: str


@dataclass(frozen=True, slots=True)
class GroupView:
    """A company's buyer group in one workspace.

    Attributes:
        version: counts changes of content; 0 while nobody was ever in it.
        refreshed_at: when it was last computed, in log time.
        changed_at: when its content last changed; None at version 0.
        pending_count: changes that are on the roster, but not in the group yet.
        refresh_due_at: when they will be.
        members: the most important first.
    """

    workspace_id: str
    company_id: str
    name: str | None
    domain: str | None
    industry: str | None
    employee_count: int | None
    version: int
    policy_version: int
    refreshed_at: int
    changed_at: int | None
    pending_count: int
    pending_since: int | None
    refresh_due_at: int | None
    members: tuple[MemberView, ...]


class Reads:
    """A small pool of connections, opened in the background: a database that is away does not keep a process down.

    Args:
        database_url: libpq URI.
        statement_timeout_seconds: a statement that takes longer is cancelled, and so is waiting for a connection.
    """

    def __init__(self, database_url: str, statement_timeout_seconds: float = 5.0) -> None:
        self._sql = load("reads")
        self._timeout_ms = round(statement_timeout_seconds * 1000)
        self._pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=POOL_SIZE,
            timeout=statement_timeout_seconds,
            open=False,
            name="reads",
            configure=self._configure,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "person-changes-reads",
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

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
        rows = await self._rows("group", {"company_id": company_id, "workspace_id": workspace_id})
        if not rows:
            return None
        members = tuple(MemberView(*row[_HEAD_COLUMNS:]) for row in rows if row[_HEAD_COLUMNS] is not None)
        return GroupView(*(*rows[0][:_HEAD_COLUMNS], members))

    async def _rows(self, query: str, parameters: dict[str, Any]) -> list[Any]:
        with translated():
            async with self._pool.connection() as connection:
                return await (await connection.execute(self._sql[query], parameters)).fetchall()

    async def _configure(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(_SESSION, {"timeout": str(self._timeout_ms)})
