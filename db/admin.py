"""What is done to a PostgreSQL server before it is used: does it answer, and has it the database."""

import psycopg
from psycopg import errors as pg
from psycopg import sql

from db.errors import translated

CONNECT_TIMEOUT_S = 2


def answers(database_url: str) -> bool:
    """Whether the server takes connections now."""
    try:
        with psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S):
            return True
    except psycopg.OperationalError:
        return False


def create_database(server_url: str, name: str) -> None:
    """Make a database unless it is there.

    Raises:
        RetryableDatabaseError: the server cannot be reached.
    """
    with translated(), psycopg.connect(server_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as conn:
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            try:
                conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except pg.DuplicateDatabase:
                return  # somebody else was quicker
