"""What an operator asks of the database: how far the log is applied, what waits, what went wrong.

All times are integer ms UTC.
"""

from dataclasses import dataclass
from typing import Final

import psycopg

from db.errors import translated
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
EXACT_ROWS: Final = 1_000_000
"""Larger tables are estimated from PostgreSQL's statistics: counting them would read them whole."""
_SESSION: Final = """
SELECT set_config('statement_timeout', %(timeout)s, false), set_config('application_name', 'person-changes', false)
"""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """Where one partition of the log is, and what became of its records (law L7)."""

    kafka_partition: int
    next_offset: int
    log_time: int | None
    consumed: int
    refreshed: int
    deferred: int
    superseded: int
    ignored: int
    duplicate: int
    dead_letter: int
    tick: int
    wrong_partition: int

    @property
    def difference(self) -> int:
        """Records consumed less outcomes recorded: 0, or law L7 is broken."""
        outcomes = self.refreshed + self.deferred + self.superseded + self.ignored + self.duplicate
        return self.consumed - outcomes - self.dead_letter - self.tick


@dataclass(frozen=True, slots=True)
class Overview:
    """Sizes and what waits.

    Attributes:
        now: the database server's clock.
        estimated: whether one of the three sizes is an estimate.
        pending_companies: companies with changes that a trailing refresh will cover.
        pending_since: the oldest such change.
        next_due: the earliest trailing refresh.
        refreshes_due: how many of them are due by the server's clock.
        outbox_since: log time of the oldest message that waits to be published.
        searches: how many searches opt-outs have left that are not done.
        searches_since: when the oldest of them was left.
    """

    now: int
    companies: int
    people: int
    groups: int
    estimated: bool
    pending_companies: int
    pending_changes: int
    pending_since: int | None
    next_due: int | None
    refreshes_due: int
    dead_letters_open: int
    outbox_waiting: int
    outbox_since: int | None
    searches: int
    searches_since: int | None


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """One consistent look at the database."""

    partitions: tuple[PartitionStatus, ...]
    overview: Overview


def read_status(database_url: str, topic: str, statement_timeout_seconds: float = 30.0) -> DatabaseStatus:
    """Look at the database once, in one snapshot.

    Args:
        database_url: libpq URI.
        topic: the log whose positions are wanted.
        statement_timeout_seconds: a statement that takes longer is cancelled.

    Raises:
        RetryableDatabaseError: the database is away, or did not answer in time.
        FatalDatabaseError: it has not this code's tables.
    """
    queries = load("status")
    with translated(), psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as conn:
        conn.execute(_SESSION, {"timeout": str(round(statement_timeout_seconds * 1000))})
        conn.isolation_level, conn.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with conn.transaction():
            partitions = conn.execute(queries["read_partitions"], {"topic": topic}).fetchall()
            overview = conn.execute(queries["read_overview"], {"exact": EXACT_ROWS}).fetchall()
    return DatabaseStatus(tuple(PartitionStatus(*row) for row in partitions), Overview(*overview[0]))
