"""The outbox as the relay sees it: one relay at a time may empty it, the earliest version of each group first."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import psycopg

from db.arrays import columns
from db.errors import translated
from db.rows import OutboxKey, OutboxRow
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
_PURPOSE: Final = 1
"""Tells this use of advisory locks from others."""
_CLIENT: Final[dict[str, Any]] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# Keepalives on both sides end a claim whose connection has silently gone. The planner settings are those of the store:
# every statement looks rows up by an index.
_SESSION: Final = """
SELECT set_config('statement_timeout', %(timeout)s, false),
       set_config('application_name', 'person-changes-relay', false),
       set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
       set_config('tcp_keepalives_count', '3', false), set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false)
"""


class Backlog(NamedTuple):
    """What waits to be published, and since when: ms since the log time of the oldest message."""

    messages: int
    oldest_ms: int


class Outbox:
    """One connection, and with it the claim; it belongs to one thread.

    Args:
        database_url: libpq URI of a connection that is ours alone: a pooler that lends it out by transaction would lend
            out the claim.
        statement_timeout_seconds: a statement that takes longer is cancelled.

    Raises:
        RetryableDatabaseError: from every method: the database is away; whoever gets it makes another `Outbox`.
    """

    def __init__(self, database_url: str, statement_timeout_seconds: float = 30.0) -> None:
        self._sql = load("outbox")
        with translated():
            self._connection = psycopg.connect(
                database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, **_CLIENT
            )
            self._connection.execute(_SESSION, {"timeout": str(round(statement_timeout_seconds * 1000))})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def claim(self) -> bool:
        """Become the one relay, as long as this connection lasts; False while another one is."""
        with translated():
            [(ours,)] = self._connection.execute(self._sql["claim"], {"purpose": _PURPOSE}).fetchall()
        return bool(ours)

    def heads(self, limit: int) -> list[OutboxRow]:
        """Of each group the earliest version that waits, the oldest first; at most `limit`."""
        with translated():
            rows = self._connection.execute(self._sql["read_heads"], {"limit": limit}, binary=True).fetchall()
        return [OutboxRow(*row) for row in rows]

    def delete(self, sent: Sequence[OutboxRow]) -> None:
        """Forget messages; only after the broker has acknowledged each of them."""
        keys = [OutboxKey(row.company_id, row.workspace_id, row.version) for row in sent]
        with translated():
            self._connection.execute(self._sql["delete_sent"], columns(OutboxKey, keys))

    def backlog(self) -> Backlog:
        """What waits."""
        with translated():
            [row] = self._connection.execute(self._sql["read_backlog"]).fetchall()
        return Backlog(*row)
