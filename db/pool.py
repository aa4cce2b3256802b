"""A small pool of connections for those who wait on an event loop.

It is opened in the background: a database that is away does not keep a process down.
"""

from types import TracebackType
from typing import Any, Final, LiteralString, Self

import psycopg
from psycopg_pool import AsyncConnectionPool

from db.errors import translated

CONNECT_TIMEOUT_S: Final = 5
POOL_SIZE: Final = 4
MAX_WAITING: Final = 512
"""More who wait for a connection are told at once that there is none: a queue that long is an outage."""
# Without the planner settings, PostgreSQL may scan whole tables as long as nobody has analysed them.
_SESSION: Final = """
SELECT set_config('statement_timeout', %(timeout)s, false), set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false)
"""


class Pool:
    """Connections that are shared; each statement is a transaction of its own.

    Args:
        database_url: libpq URI.
        statement_timeout_seconds: a statement that takes longer is cancelled, and so is waiting for a connection.
    """

    def __init__(self, database_url: str, statement_timeout_seconds: float) -> None:
        self._timeout_ms = round(statement_timeout_seconds * 1000)
        self._pool = AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=POOL_SIZE,
            max_waiting=MAX_WAITING,
            timeout=statement_timeout_seconds,
            open=False,
            name="http",
            configure=self._configure,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": "person-changes-http",
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._pool.close()

    async def rows(self, statement: LiteralString, parameters: dict[str, Any]) -> list[Any]:
        """The rows of one statement.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        with translated():
            async with self._pool.connection() as connection:
                return await (await connection.execute(statement, parameters)).fetchall()

    async def run(self, statement: LiteralString, parameters: dict[str, Any]) -> None:
        """One statement that answers no rows.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        with translated():
            async with self._pool.connection() as connection:
                await connection.execute(statement, parameters)

    async def _configure(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(_SESSION, {"timeout": str(self._timeout_ms)})
