"""Runs of steps that other pipelines ask for: one row a run, and one process at a time at it.

A run is held by an advisory lock of the connection, which ends with it: what a crash leaves `running` belongs to
nobody, and whoever asks next begins it again. Should a connection break under a run that goes on, the number of
attempts keeps the overtaken one from ending what another is at.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from db.errors import DatabaseError, RetryableDatabaseError, translated
from db.session import Session

_LOOK_SECONDS: Final = 0.05


class OperationKey(NamedTuple):
    """Which run: of a step, for a company."""

    company_id: str
    step: str
    key: str


class Begun(NamedTuple):
    """The run is ours to do.

    Attributes:
        attempt: counts from 1.
        first_at: when the first attempt began, by the database's clock, ms.
        at: when this one did.
    """

    attempt: int
    first_at: int
    at: int


class Done(NamedTuple):
    """It was done; this came out."""

    output: dict[str, Any]


class OtherInput(NamedTuple):
    """It was done, or begun, with another input."""


class Operation(NamedTuple):
    """A run as operators see it; times in ms UTC."""

    company_id: str
    step: str
    key: str
    status: str
    attempts: int
    error: str | None
    duration_ms: float | None
    began_at: int
    finished_at: int | None


class OperationBusyError(RuntimeError):
    """Somebody else is at the same run for longer than we waited."""


class Operations(Session):
    """The runs of one database; used by one thread."""

    queries = "operations"

    @contextmanager
    def held(self, operation: OperationKey, seconds: float) -> Iterator[None]:
        """Keep others from a run while the context lasts; waits for whoever is at it.

        Raises:
            OperationBusyError: they took longer than `seconds`.
            RetryableDatabaseError: the database is away.
        """
        deadline = time.monotonic() + seconds
        while not self._row("hold", operation._asdict())[0]:
            if time.monotonic() > deadline:
                raise OperationBusyError(
                    f"{operation.step} {operation.key!r} of {operation.company_id} has been under way elsewhere for "
                    f"{seconds:g} s; ask again later, or wait longer"
                )
            time.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            with suppress(DatabaseError):  # the connection is gone, and the lock with it
                self._row("release", operation._asdict())

    def begin(self, operation: OperationKey, input_hash: str) -> Begun | Done | OtherInput:
        """Begin a run that is held, or learn that it needs none.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        if row := self._row("begin", {**operation._asdict(), "input_hash": input_hash}):
            return Begun(*row)
        found, output = self._row("look", operation._asdict())
        return Done(output) if found == input_hash else OtherInput()

    def succeed(self, operation: OperationKey, begun: Begun, output: dict[str, Any], seconds: float) -> bool:
        """Keep what came out; False when somebody else has begun the run again meanwhile, whose output counts.

        Raises:
            RetryableDatabaseError: the database is away; the run may be begun again.
        """
        return self._finish(operation, begun, "succeeded", seconds, output=Jsonb(output))

    def fail(self, operation: OperationKey, begun: Begun, error: str, seconds: float) -> None:
        """Keep why it failed; it may be begun again.

        Raises:
            RetryableDatabaseError: the database is away; the run may be begun again all the same.
        """
        self._finish(operation, begun, "failed", seconds, error=error)

    def read(
        self, limit: int, company_id: str | None = None, step: str | None = None, status: str | None = None
    ) -> list[Operation]:
        """Runs, the latest first; of one company those of the consumer too.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        query = "lately" if company_id is None else "of_company"
        wanted = {"limit": limit, "company_id": company_id, "step": step, "status": status}
        with translated():
            return [Operation(*row) for row in self._open().execute(self._sql[query], wanted).fetchall()]

    def _finish(self, operation: OperationKey, begun: Begun, status: str, seconds: float, **ended: Jsonb | str) -> bool:
        fate = {"output": None, "error": None, **ended}
        ended_so = {"status": status, "attempt": begun.attempt, "duration_ms": seconds * 1000}
        wanted = {**operation._asdict(), **fate, **ended_so}
        try:
            return bool(self._row("finish", wanted))
        except RetryableDatabaseError:  # the connection may have broken long ago, during the work: take a new one
            return bool(self._row("finish", wanted))

    def _row(self, query: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
        with translated():
            return self._open().execute(self._sql[query], parameters).fetchone() or ()
