"""The digest of what the log has made of a database (law L6), so that two folds of it can be compared, row by row.

The queries are in `db/queries/digest.sql`. No column counts that holds a wall-clock time, or what an operator decided.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    """

    name: str
    key: tuple[str, ...]
    part: str = "company_id"
    left_out: tuple[str, ...] = ()
    of_topic: bool = False
    pruned: bool = False
    step: str | None = None


# The record itself is the log's, to the byte; what an opt-out has deleted of it depends on which came first.
_RECORD: Final = ("key", "value", "headers", "reason")
_LETTER_LEFT_OUT: Final = ("created_at", "topic", "status", "settled_at", "settled_why", *_RECORD)
TABLES: Final = (
    Table("companies", ("company_id",)),
    Table("people", ("company_id", "person_id")),
    Table("employments", ("company_id", "person_id")),
    Table("role_choices", ("company_id", "workspace_id", "person_id")),
    Table("webhook_events", ("company_id", "source", "event_id"), pruned=True),
    Table("buyer_group_refresh_logs", ("company_id", "log_time"), left_out=("started_at", "finished_at")),
    Table(
        "pipeline_operations",
        ("company_id", "step", "idempotency_key"),
        left_out=("duration_ms", "created_at"),
        step="save_buyer_group",
    ),
    Table("buyer_groups", ("company_id", "workspace_id")),
    Table("buyer_group_members", ("company_id", "workspace_id", "person_id", "role")),
    Table("buyer_group_changes", ("company_id", "workspace_id", "version", "position")),
    Table("buyer_group_head_history", ("company_id", "workspace_id", "log_time")),
    Table("buyer_group_member_history", ("company_id", "workspace_id", "person_id", "role", "log_time")),
    Table("dead_letters", ("topic", "kafka_partition", "kafka_offset"), left_out=_LETTER_LEFT_OUT, of_topic=True),
    # Which partition a record belongs on follows from how many the topic has now, not from the log.
    Table(
        "consumer_positions",
        ("topic", "kafka_partition"),
        part="kafka_partition",
        left_out=("topic", "epoch", "wrong_partition"),
        of_topic=True,
    ),
    Table("outbox", ("company_id", "workspace_id", "version"), left_out=("topic",)),
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


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same in both.

    Attributes:
        part: the company, or the partition.
        key: the row's key, as far as it counts.
        live: the row as it is; None: there is none.
        log: the row as the log makes it; None: it makes none.
    """

    table: str
    part: str
    key: Row
    live: Row | None
    log: Row | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two folds of one log.

    Attributes:
        live: digests by table.
        log: the same of the fold aside.
        parts: by table, how many companies (or partitions) differ.
        first: the first rows that differ.
    """

    live: dict[str, Digest]
    log: dict[str, Digest]
    parts: dict[str, int] = field(default_factory=dict)
    first: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether no row differs."""
        return not self.parts


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


def compare(live: Image, log: Image, tables: Sequence[Table], first: int) -> Comparison:
    """Hold two folds of one log against each other.

    Args:
        live: what is.
        log: what the log makes.
        tables: those to look at.
        first: at most so many rows that differ are named.
    """
    found = Comparison({t.name: live.digest(t) for t in tables}, {t.name: log.digest(t) for t in tables})
    for table in tables:
        if found.live[table.name] == found.log[table.name]:
            continue
        count = 0
        for part in _unequal(live.parts(table), log.parts(table)):
            count += 1
            if (room := first - len(found.first)) > 0:
                found.first.extend(_differences(table, part, live, log)[:room])
        found.parts[table.name] = count
    return found


def _unequal(left: Iterator[tuple[str, str]], right: Iterator[tuple[str, str]]) -> Iterable[str]:
    """The parts of two ordered streams that are not the same in both."""
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            yield (a or ("",))[0]
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            yield b[0]
            b = next(right, None)
        else:
            if a[1] != b[1]:
                yield a[0]
            a, b = next(left, None), next(right, None)


def _differences(table: Table, part: str, live: Image, log: Image) -> list[Difference]:
    ours, theirs = live.rows(table, part), log.rows(table, part)
    return [
        Difference(table.name, part, _key(table, key), ours.get(key), theirs.get(key))
        for key in sorted({*ours, *theirs}, key=repr)
        if ours.get(key) != theirs.get(key)
    ]


def _key(table: Table, key: Sequence[Any]) -> Row:
    return {name: value for name, value in zip(table.key, key, strict=True) if name not in table.left_out}
