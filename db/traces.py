"""Where a database holds something of a person: every column of every table is looked through."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from db.errors import translated

CONNECT_TIMEOUT_S: Final = 5
_COLUMNS: Final = """
    SELECT t.table_schema, t.table_name, c.column_name, c.data_type
    FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name)
    WHERE t.table_type = 'BASE TABLE'
      AND (t.table_schema = current_schema() OR starts_with(t.table_schema, current_schema() || '_'))
    ORDER BY t.table_schema, t.table_name, c.ordinal_position
"""


class Trace(NamedTuple):
    """A column in which something is found, and in how many rows.

    A schema that is not the live one holds a fold of the log that was not promoted yet.
    """

    schema: str
    table: str
    column: str
    rows: int


def traces(database_url: str, texts: Iterable[str]) -> list[Trace]:
    """Where one of these texts is found, in any case, as text or as bytes, live or in a fold aside.

    It reads every row: seconds to minutes.

    Raises:
        RetryableDatabaseError: the database is away.
    """
    wanted = [text.lower() for text in texts if text]
    with translated(), psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as connection:
        found = [
            Trace(schema, table, column, _count(connection, schema, table, column, kind, wanted))
            for schema, table, column, kind in connection.execute(_COLUMNS).fetchall()
        ]
    return [trace for trace in found if trace.rows]


def _count(connection: psycopg.Connection, schema: str, table: str, column: str, kind: str, wanted: list[str]) -> int:
    text = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
    query = (
        "SELECT count(*) FROM {} WHERE EXISTS (SELECT 1 FROM unnest(%s::text[]) AS w WHERE strpos(lower({}), w) > 0)"
    )
    value = sql.SQL(text).format(sql.Identifier(column))
    statement = sql.SQL(query).format(sql.Identifier(schema, table), value)
    return int(connection.execute(statement, (wanted,)).fetchall()[0][0])
