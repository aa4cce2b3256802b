"""What the consumer says to PostgreSQL, recorded at the driver, and played back without the consumer.

Played back on an equal copy of the database, a recording is the bare set-based SQL of the same writes: the statements
and parameters of each batch's transaction, in one pipeline and one transaction a batch as the store sends them, on a
connection with the same session settings. What it leaves out is all else that a consumer does: reading the log,
decoding, loading state, folding, regrouping, making rows and array literals.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import psycopg

from db.rows import BatchWrites
from db.store import Store

Statement = tuple[Any, Any]
"""A query and its parameters, as handed to psycopg."""


@dataclass(slots=True)
class Tape:
    """A recording.

    Attributes:
        session: what sets up a connection.
        batches: the statements of each transaction.
        records: how many records of the log each batch covers.
        said: statements of any kind; set it to 0 to count from there.
    """

    session: list[Statement] = field(default_factory=list)
    batches: list[list[Statement]] = field(default_factory=list)
    records: list[int] = field(default_factory=list)
    said: int = 0
    _running: dict[int, list[Statement]] = field(default_factory=dict)

    def say(self, query: Any, params: Any) -> None:
        """A statement was executed."""
        self.said += 1
        self._running.setdefault(threading.get_ident(), []).append((query, params))

    def cut(self) -> list[Statement]:
        """What this thread has said since its last cut."""
        return self._running.pop(threading.get_ident(), [])

    def play(self, database_url: str) -> float:
        """Say the batches again.

        Returns:
            The seconds it took, without connecting.
        """
        with psycopg.connect(database_url, autocommit=True) as connection:
            _say(connection, self.session)
            began = time.perf_counter()
            for batch in self.batches:
                with connection.transaction(), connection.pipeline():
                    _say(connection, batch)
            return time.perf_counter() - began


@contextmanager
def recording(database_url: str) -> Iterator[Tape]:
    """Record what every `Store` of this process says; each is used by one thread.

    Args:
        database_url: any migrated database, to learn a connection's set-up from.
    """
    tape, execute, write = Tape(), psycopg.Connection.execute, Store.write

    def recorded_execute(
        connection: "psycopg.Connection[Any]", query: Any, params: Any = None, **more: Any
    ) -> "psycopg.Cursor[Any]":
        tape.say(query, params)
        return execute(connection, query, params, **more)

    def recorded_write(store: Store, batch: BatchWrites) -> None:
        tape.cut()
        write(store, batch)
        tape.batches.append(tape.cut())
        tape.records.append(sum(position.consumed for position in batch.positions))

    with (
        patch.object(psycopg.Connection, "execute", recorded_execute),
        patch.object(Store, "write", recorded_write),
    ):
        tape.session = _session(database_url, tape)
        yield tape


def _session(database_url: str, tape: Tape) -> list[Statement]:
    """What a store says before its first query: the first query's statements, less those of the second."""
    with Store(database_url) as store:
        store.due(_NOBODY, 1)
        first = tape.cut()
        store.due(_NOBODY, 1)
    return first[: len(first) - len(tape.cut())]


def _say(connection: "psycopg.Connection[Any]", statements: Sequence[Statement]) -> None:
    for query, params in statements:
        connection.execute(query, params)


_NOBODY: Mapping[int, int] = {}
