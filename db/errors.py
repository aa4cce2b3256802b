"""What can go wrong with the database, in the two kinds a caller must tell apart.

psycopg's exceptions are translated here and nowhere else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg


class DatabaseError(Exception):
    """Anything that PostgreSQL, or the way to it, answered."""


class RetryableDatabaseError(DatabaseError):
    """An outage or a collision: the same work may succeed later."""


class FatalDatabaseError(DatabaseError):
    """A bug or a wrong schema: the same work will fail again."""


class PositionMovedError(Exception):
    """Somebody else advanced a partition's position: this consumer's batch must not take effect (law L2)."""


class StaleCompanyError(RetryableDatabaseError):
    """Somebody else wrote a company since it was read: load it again."""


_RETRYABLE = (
    psycopg.OperationalError,  # connection lost, server starting or stopping, disk full, statement time-out, deadlock
    psycopg.InterfaceError,  # the connection was closed under us
    pg.SerializationFailure,
    pg.IdleInTransactionSessionTimeout,
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's exceptions into the two kinds above."""
    try:
        yield
    except _RETRYABLE as error:
        raise RetryableDatabaseError(_sentence(error)) from error
    except psycopg.Error as error:
        raise FatalDatabaseError(_sentence(error)) from error


def _sentence(error: psycopg.Error) -> str:
    return f"{type(error).__name__}: {str(error).strip() or 'no message'}"
