"""One connection of one thread: opened when it is needed, dropped when it fails."""

from types import TracebackType
from typing import ClassVar, Final, Self

import psycopg

from db.errors import translated
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
# Every statement looks rows up by key. Without the planner settings, PostgreSQL may scan whole tables as long as nobody
# has analysed them, and keep doing so in a prepared plan. Starting a process to help with one costs more than it saves.
_SESSION: Final = """
SELECT set_config('statement_timeout', %(timeout)s, false), set_config('application_name', 'person-changes', false),
       set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false), set_config('jit', 'off', false),
       set_config('max_parallel_workers_per_gather', '0', false)
"""


class Session:
    """The part that every store shares.

    Args:
        database_url: libpq URI.
        statement_timeout_seconds: a statement that takes longer is cancelled.
    """

    queries: ClassVar[tuple[str, ...] | str]
    """The files of queries that the store uses, `db/queries/<name>.sql`."""

    def __init__(self, database_url: str, statement_timeout_seconds: float = 30.0) -> None:
        self._url = database_url
        self._timeout_ms = round(statement_timeout_seconds * 1000)
        self._connection: psycopg.Connection | None = None
        files = (self.queries,) if isinstance(self.queries, str) else self.queries
        self._sql = {name: query for file in files for name, query in load(file).items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> psycopg.Connection:
        if self._connection is not None and (self._connection.closed or self._connection.broken):
            self.close()
        if self._connection is None:
            with translated():
                self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
                self._connection.execute(_SESSION, {"timeout": str(self._timeout_ms)})
        return self._connection
