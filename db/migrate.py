"""Applies the numbered SQL migrations, each in a transaction of its own, under one advisory lock."""

import hashlib
from dataclasses import dataclass
from importlib import resources
from typing import Final, LiteralString

import psycopg

from db.errors import translated

_LOCK_KEY: Final = 0x70657263  # "perc": any constant of ours; an advisory lock has no name
_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(RuntimeError):
    """The database's history is not this code's."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of ``db/migrations``."""

    version: int
    name: str
    sql: LiteralString

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex: a released migration never changes."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """All migrations, lowest number first."""
    files = sorted((f for f in (resources.files("db") / "migrations").iterdir() if f.name.endswith(".sql")), key=str)
    return [Migration(int(f.name[:4]), f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in files]


def migrate(database_url: str) -> list[str]:
    """Bring the database to this code's schema; safe to run from several processes at once.

    Returns:
        The names of the migrations applied now.

    Raises:
        MigrationError: an applied migration differs from ours, or the database is newer than this code.
        RetryableDatabaseError: the database cannot be reached.
    """
    with translated(), psycopg.connect(database_url, autocommit=True, connect_timeout=10) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        try:
            conn.execute(_LEDGER)
            return [_apply(conn, migration) for migration in _missing(conn)]
        finally:
            conn.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))


def _missing(conn: psycopg.Connection) -> list[Migration]:
    applied: dict[int, str] = dict(conn.execute("SELECT version, checksum FROM schema_migrations").fetchall())
    known = migrations()
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(f"migration {migration.name} was applied with another text than this code has")
    if newer := set(applied) - {m.version for m in known}:
        raise MigrationError(f"the database has migration {max(newer)}, which this code does not know: run newer code")
    return [m for m in known if m.version not in applied]


def _apply(conn: psycopg.Connection, migration: Migration) -> str:
    with conn.transaction():
        conn.execute(migration.sql)
        conn.execute(
            "INSERT INTO schema_migrations (version, name, checksum) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.checksum),
        )
    return migration.name
