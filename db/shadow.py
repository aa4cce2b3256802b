"""A schema beside the live one, in which the log is folded aside; it is compared, promoted, or dropped.

It has copies of the tables that the log makes, empty and unlogged. All else is found in the live schema, because the
search path of a shadow goes on there: policies, and the functions of the migrations.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.digest import OUTBOX, POSITIONS, STATES, TABLES, Table, condition, scope
from db.errors import translated
from db.rows import PositionRow
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5
_GROUPS: Final = next(table for table in TABLES if table.name == "buyer_groups")


class ShadowBusyError(RuntimeError):
    """Another process works in the same shadow."""


class Shadow:
    """One shadow of one live schema, ours alone while the context lasts.

    Args:
        database_url: libpq URI of the live schema.
        name: what the shadow is for; its schema is the live one's name and this.

    Raises:
        ShadowBusyError: on entering; another process is in it.
        RetryableDatabaseError: the database is away.
    """

    def __init__(self, database_url: str, name: str) -> None:
        self._url, self._name = database_url, name
        self._sql = load("promote")

    def __enter__(self) -> Self:
        with translated():
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
            try:
                self._begin()
            except BaseException:
                self._connection.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def url(self) -> str:
        """A libpq connection string under which the tables that the log makes are the shadow's."""
        path = ",".join(_quoted(name) for name in (self.schema, *self._path))
        given = conninfo_to_dict(self._url).get("options") or ""
        return make_conninfo(self._url, options=f"{given} -c search_path={path}".strip())

    def exists(self) -> bool:
        """Whether a fold was begun in it."""
        with translated():
            query = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
            return self._connection.execute(query, (self.schema,)).fetchone() is not None

    def create(self) -> None:
        """Make it, with nothing folded yet.

        Raises:
            FatalDatabaseError: it exists, or we may not create a schema.
        """
        with translated(), self._connection.transaction():
            self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.schema)))
            for table in TABLES:
                # Unlogged: a crash of the server empties them all at once, positions included: the fold begins anew.
                statement = sql.SQL("CREATE UNLOGGED TABLE {} (LIKE {} INCLUDING ALL)")
                self._connection.execute(statement.format(self._shadow(table), self._live(table)))

    def drop(self) -> None:
        """Forget what was folded."""
        with translated():
            statement = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(self.schema))
            self._connection.execute(statement)

    def analyze(self) -> None:
        """Let the planner know what was folded, before it compares."""
        with translated():
            for table in TABLES:
                self._connection.execute(sql.SQL("ANALYZE {}").format(self._shadow(table)))

    @contextmanager
    def promotion(self, topic: str, companies: Sequence[str] | None) -> Iterator["Promotion"]:
        """A transaction in which no consumer can commit; it ends with the context, or leaves everything as it was.

        Args:
            topic: the log.
            companies: only these take part; None: all.
        """
        with translated(), self._connection.transaction():
            self._connection.execute(self._sql["lock_positions"])
            yield Promotion(self._connection, self.live, self.schema, topic, companies)

    def _begin(self) -> None:
        row = self._connection.execute(
            "SELECT current_schema(), current_schemas(false)::text[], "
            "pg_try_advisory_lock(hashtextextended(concat_ws('.', 'person-changes', current_schema(), %s::text), 0))",
            (self._name,),
        ).fetchone()
        self.live, self._path, ours = row or (None, [], False)
        if self.live is None:
            raise psycopg.errors.InvalidSchemaName("the search path names no schema that exists")
        self.schema = f"{self.live}_{self._name}"
        if not ours:
            raise ShadowBusyError(f"another process works in schema {self.schema}: wait for it, or end it")

    def _live(self, table: Table) -> sql.Identifier:
        return sql.Identifier(self.live, table.name)

    def _shadow(self, table: Table) -> sql.Identifier:
        return sql.Identifier(self.schema, table.name)


class Promotion:
    """What can be done while consumers are held: fold the rest aside, then take its rows over."""

    def __init__(
        self, connection: psycopg.Connection, live: str, shadow: str, topic: str, companies: Sequence[str] | None
    ) -> None:
        self._connection, self._live, self._shadow = connection, live, shadow
        self._topic, self._companies = topic, companies
        self._sql = load("promote")

    def positions(self) -> dict[int, PositionRow]:
        """Where each partition is, and stays."""
        rows = self._connection.execute(load("digest")["read_places"], {"topic": self._topic}).fetchall()
        return {row[0]: PositionRow(*row) for row in rows}

    def rewound(self) -> int:
        """How many groups get a lower version than they have."""
        row = self._run("count_rewound", _GROUPS).fetchone()
        return int(row[0]) if row else 0

    def promote(self) -> None:
        """The shadow's rows take the place of the live ones; what consumers computed from those cannot be committed.

        The shadow must have been folded to exactly these positions.
        """
        for name in ("mend_outbox", "prune_outbox", "extend_outbox"):
            self._run(name, OUTBOX)
        if self._companies is None:
            self._run("take_positions", POSITIONS)
        else:
            self._add_outcomes()
        for table in STATES:
            if table is not POSITIONS:
                self._run("delete_others", table)
                self._run("insert_missing", table)
        self._run("next_epoch", POSITIONS)

    def _add_outcomes(self) -> None:
        shares = [self._share(schema, sign) for schema, sign in ((self._live, -1), (self._shadow, 1))]
        names = ("refreshed", "deferred", "superseded", "ignored", "duplicate", "dead_letter")
        sums = sql.SQL(", ").join(sql.SQL("sum({0})::bigint AS {0}").format(sql.Identifier(name)) for name in names)
        both = sql.SQL(" UNION ALL ").join(shares)
        share = sql.SQL("SELECT kafka_partition, {} FROM ({}) AS s GROUP BY 1").format(sums, both)
        self._run("add_outcomes", POSITIONS, share=share)

    def _share(self, schema: str, sign: int) -> sql.Composed:
        tables = {
            name: sql.Identifier(schema, table)
            for name, table in (("events", "webhook_events"), ("letters", "dead_letters"))
        }
        return sql.SQL(self._sql["outcome_share"]).format(**tables, sign=sql.Literal(sign))

    def _run(self, name: str, table: Table, **parts: sql.Composable) -> psycopg.Cursor[Any]:
        live, shadow = sql.Identifier("l"), sql.Identifier("s")
        same = [sql.SQL("{0}.{2} = {1}.{2}").format(live, shadow, sql.Identifier(column)) for column in table.key]
        statement = sql.SQL(self._sql[name]).format(
            live=sql.Identifier(self._live, table.name),
            shadow=sql.Identifier(self._shadow, table.name),
            live_groups=sql.Identifier(self._live, _GROUPS.name),
            shadow_groups=sql.Identifier(self._shadow, _GROUPS.name),
            same_key=sql.SQL(" AND ").join(same),
            condition=condition(table, live),
            **parts,
        )
        values = scope(table, self._topic, self._companies)
        return self._connection.execute(statement, values | {"left_out": list(table.left_out)})


def _quoted(name: str) -> str:
    """A schema in a search path inside libpq's options, where blanks and backslashes are escaped."""
    quoted = '"' + name.replace('"', '""') + '"'
    return quoted.replace("\\", "\\\\").replace(" ", "\\ ")
