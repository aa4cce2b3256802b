"""What the log has made of a database, so that two folds of it can be compared row by row."""

import hashlib
from typing import Final

import psycopg
from psycopg import sql

_LEFT_OUT: Final = {
    "buyer_group_refresh_logs": ("started_at", "finished_at"),
    "pipeline_operations": ("duration_ms", "created_at"),
    "dead_letters": ("created_at", "topic"),
    "consumer_positions": ("topic",),
    "outbox": ("topic",),
}
"""Columns that are for people: clocks of the consumer, and the topic's name, which differs from test to test."""
TABLES: Final = (
    "companies",
    "people",
    "employments",
    "webhook_events",
    "buyer_group_refresh_logs",
    "pipeline_operations",
    "buyer_groups",
    "buyer_group_members",
    "buyer_group_changes",
    "outbox",
    "dead_letters",
    "consumer_positions",
)


def rows(database_url: str, table: str) -> list[str]:
    """The rows of a table as sorted JSON, without what is for people."""
    query = sql.SQL("SELECT (to_jsonb(t) - %s::text[])::text AS line FROM {} AS t ORDER BY line").format(
        sql.Identifier(table)
    )
    with psycopg.connect(database_url) as conn:
        return [line for (line,) in conn.execute(query, (list(_LEFT_OUT.get(table, ())),))]


def digest(database_url: str) -> dict[str, str]:
    """A hash by table, with the number of rows."""
    found = {table: rows(database_url, table) for table in TABLES}
    return {
        table: f"{len(lines)} rows {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()[:16]}"
        for table, lines in found.items()
    }
