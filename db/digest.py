"""The digest of what the log has made of a database (law L6), so that two folds of it can be compared, row by row.

The queries are in `db/queries/digest.sql`. No column counts that holds a wall-clock time, or what an operator decided.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from db.errors import translated
from db.rows import PositionRow
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
FETCH_ROWS: Final = 5000
# Texts of times and bytes must not depend on who asks.
_SESSION: Final = """
SELECT set_config('TimeZone', 'UTC', false), set_config('bytea_output', 'hex', false),
       set_config('IntervalStyle', 'postgres', false), set_config('extra_float_digits', '1', false),
       set_config('application_name', 'person-changes-digest', false), set_config('statement_timeout', '0', false)
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that the log makes.

    Attributes:
        key: its primary key.
        part: the column that its rows are told apart by, when differences are named.
        left_out: columns that do not count.
        of_topic: whether rows name the topic that they come from.
        pruned: whether rows are deleted by age; see `Image`.
        step: of a table of steps: the only one that the log makes; others are run by whoever likes.
        by_order: columns that depend on which of two partitions was read first, of a company that has changes on both
            (decision 0019); None: whole rows do.
    """

    name: str
    key: tuple[str, ...]
    part: str = "company_id"
    left_out: tuple[str, ...] = ()
    of_topic: bool = False
    pruned: bool = False
    step: str | None = None
    by_order: tuple[str, ...] | None = ()


# The record itself is the log's, to the byte; what an opt-out has deleted of it depends on which came first.
_RECORD: Final = ("key", "value", "headers", "reason")
_LETTER_LEFT_OUT: Final = ("created_at", "topic", "status", "settled_at", "settled_why", *_RECORD)
_DUE: Final = ("last_refresh_at", "refresh_due_at", "pending_since", "pending_count", "pending_events")
_TALLIES: Final = ("refreshed", "deferred", "superseded", "ignored", "duplicate")
TABLES: Final = (
    Table("companies", ("company_id",), by_order=(*_DUE, "kafka_partition", "revision")),
    Table("people", ("company_id", "person_id")),
    Table("employments", ("company_id", "person_id"), by_order=("canonical_id",)),
    Table("role_choices", ("company_id", "workspace_id", "person_id")),
    Table(
        "webhook_events",
        ("company_id", "source", "event_id"),
        pruned=True,
        by_order=("log_time", "outcome", "reason", "refresh_due_at", "kafka_partition", "kafka_offset"),
    ),
    Table(
        "buyer_group_refresh_logs",
        ("company_id", "log_time"),
        left_out=("started_at", "finished_at"),
        by_order=None,
    ),
    Table(
        "pipeline_operations",
        ("company_id", "step", "idempotency_key"),
        left_out=("duration_ms", "created_at"),
        step="save_buyer_group",
        by_order=None,
    ),
    Table("buyer_groups", ("company_id", "workspace_id"), by_order=None),
    Table("buyer_group_members", ("company_id", "workspace_id", "person_id", "role"), by_order=None),
    Table("buyer_group_changes", ("company_id", "workspace_id", "version", "position"), by_order=None),
    Table("buyer_group_head_history", ("company_id", "workspace_id", "log_time"), by_order=None),
    Table("buyer_group_member_history", ("company_id", "workspace_id", "person_id", "role", "log_time"), by_order=None),
    Table("dead_letters", ("topic", "kafka_partition", "kafka_offset"), left_out=_LETTER_LEFT_OUT, of_topic=True),
    # Which partition a record belongs on follows from how many the topic has now, not from the log.
    Table(
        "consumer_positions",
        ("topic", "kafka_partition"),
        part="kafka_partition",
        left_out=("topic", "epoch", "wrong_partition"),
        of_topic=True,
        by_order=_TALLIES,
    ),
    Table("outbox", ("company_id", "workspace_id", "version"), left_out=("topic",), by_order=None),
)
"""All tables that law L6 names."""
POSITIONS: Final = next(table for table in TABLES if table.name == "consumer_positions")
OUTBOX: Final = next(table for table in TABLES if table.name == "outbox")
STATES: Final = tuple(table for table in TABLES if table is not OUTBOX)
"""Those that stay: the outbox is a queue, and what is left in it depends on how far the relay has come."""
KEPT: Final = frozenset(
    {
        *("schema_migrations", "workspaces"),
        *("api_tokens", "idempotency_keys", "company_aliases", "parked_hints", "webhook_dead_letters"),
        *("opt_outs", "opt_out_places", "erasure_searches"),
    }
)
"""Tables that the log of changes does not make: what its folds read, and what belongs to ingress and resolver."""

Row = dict[str, Any]


class Digest(NamedTuple):
    """How many rows, and their hash."""

    rows: int
    hash: str


class Image:
    """One consistent look at the tables, for as long as the connection's transaction lasts.

    Args:
        topic: the log; None: all rows count, whatever log they are from.
        companies: only these; None: all.
        remembered_ms: rows of the inbox do not count that are so much older than the log time of their partition: they
            may be deleted, or not yet; None: all count.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        topic: str | None,
        companies: Sequence[str] | None,
        remembered_ms: int | None,
    ) -> None:
        self._connection, self._topic, self._remembered_ms = connection, topic, remembered_ms
        self._companies = None if companies is None else list(companies)
        self._sql = load("digest")

    def digest(self, table: Table) -> Digest:
        """A table's digest."""
        ((rows, text),) = self._connection.execute(self._query("digest_table", table), self._values(table)).fetchall()
        return Digest(rows, text)

    def parts(self, table: Table) -> Iterator[tuple[str, str]]:
        """The digest of each company of a table, in order of the companies' ids."""
        with self._connection.cursor(name=f"parts_of_{table.name}") as cursor:
            cursor.itersize = FETCH_ROWS
            cursor.execute(self._query("digest_parts", table), self._values(table))
            yield from cursor

    def rows(self, table: Table, part: str) -> dict[tuple[Any, ...], Row]:
        """A company's rows of a table, by key."""
        found = self._connection.execute(self._query("part_rows", table), self._values(table) | {"part": part})
        return {tuple(row.get(name) for name in table.key): row for (row,) in found}

    def positions(self) -> dict[int, PositionRow]:
        """Where each partition is."""
        rows = self._connection.execute(self._sql["read_places"], {"topic": self._topic}).fetchall()
        return {row[0]: PositionRow(*row) for row in rows}

    def overdue(self) -> bool:
        """Whether a refresh is due at the log time of its partition: the next batch, an empty one maybe, makes it."""
        ((found,),) = self._connection.execute(self._sql["read_overdue"], {"topic": self._topic}).fetchall()
        return bool(found)

    def split(self) -> dict[str, tuple[int, ...]]:
        """The companies that have changes on several partitions, and on which."""
        values = {"topic": self._topic, "companies": self._companies}
        rows = self._connection.execute(self._sql["read_split"], values).fetchall()
        return {company: tuple(partitions) for company, partitions in rows}

    def _query(self, name: str, table: Table) -> sql.Composed:
        parts = {"table": sql.Identifier(table.name), "part": sql.Identifier(table.part)}
        return sql.SQL(self._sql[name]).format(**parts, condition=condition(table, sql.Identifier("t")))

    def _values(self, table: Table) -> dict[str, Any]:
        return {"left_out": list(table.left_out), **scope(table, self._topic, self._companies, self._remembered_ms)}


def condition(table: Table, alias: sql.Identifier) -> sql.Composable:
    """Which rows of a table count, under an alias; its parameters are those of `scope`."""
    terms: list[sql.Composable] = []
    if table.part == "company_id":
        text = sql.SQL("(%(companies)s::text[] IS NULL OR {}.company_id = ANY (%(companies)s::text[]))")
        terms.append(text.format(alias))
    if table.of_topic:
        terms.append(sql.SQL("(%(topic)s::text IS NULL OR {}.topic = %(topic)s)").format(alias))
    if table.pruned:
        terms.append(sql.SQL(load("digest")["is_remembered"]).format(alias=alias))
    if table.step is not None:
        terms.append(sql.SQL("{}.step = %(step)s").format(alias))
    return sql.SQL(" AND ").join(terms)


def scope(
    table: Table, topic: str | None, companies: Sequence[str] | None, remembered_ms: int | None = None
) -> dict[str, Any]:
    """The parameters of `condition`."""
    chosen = None if companies is None else list(companies)
    return {"companies": chosen, "topic": topic, "step": table.step, "remembered_ms": remembered_ms}


@contextmanager
def image(
    database_url: str,
    topic: str | None = None,
    companies: Sequence[str] | None = None,
    remembered_ms: int | None = None,
) -> Iterator[Image]:
    """A look at a database as it is now; see `Image`.

    Raises:
        RetryableDatabaseError: the database is away.
    """
    with translated(), psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as conn:
        conn.execute(_SESSION)
        conn.isolation_level, conn.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        with conn.transaction():
            yield Image(conn, topic, companies, remembered_ms)


def digest(database_url: str, topic: str | None = None, remembered_ms: int | None = None) -> dict[str, Digest]:
    """The digest of a database, by table."""
    with image(database_url, topic, None, remembered_ms) as look:
        return {table.name: look.digest(table) for table in TABLES}
