"""The one thread that waits, for PostgreSQL or a registry, so that the one that owns the consumer can go on polling."""

import queue
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, TypeVar

import structlog

from db.errors import PositionMovedError, RetryableDatabaseError
from schemas.registry import RegistryUnavailableError

log = structlog.get_logger()

T = TypeVar("T")
FIRST_DELAY_S: Final = 0.05
LONGEST_DELAY_S: Final = 5.0
_DATABASE: Final = "the database cannot do it now; trying again"
_REGISTRY: Final = "the Schema Registry cannot do it now; trying again"


class GivenUp:
    """The work took no effect, or may have: only the position in PostgreSQL tells."""


GIVEN_UP: Final = GivenUp()


class Worker:
    """Runs work in order, again and again while the database or the registry is away.

    Args:
        on_trouble: told the error of each failed attempt, and None when an attempt succeeds.
    """

    def __init__(self, on_trouble: Callable[[Exception | None], None]) -> None:
        self._on_trouble = on_trouble
        self._cancel = threading.Event()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        # A daemon: a statement that hangs must not keep a process alive that was told to stop.
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def submit(self, attempt: Callable[[], T]) -> "Future[T | GivenUp]":
        """Run an attempt until it succeeds.

        Returns:
            Its value; `GIVEN_UP` when it was cancelled, or found that somebody else had moved a partition on; or the
            exception that trying again cannot mend.
        """
        future: Future[T | GivenUp] = Future()
        self._cancel.clear()
        self._work.put(lambda: self._settle(future, attempt))
        return future

    def cancel(self) -> None:
        """Stop trying: what is under way ends after its present attempt."""
        self._cancel.set()

    def close(self, timeout: float) -> None:
        """Let the present attempt end, at most `timeout` seconds."""
        self._cancel.set()
        self._work.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _settle(self, future: "Future[T | GivenUp]", attempt: Callable[[], T]) -> None:
        try:
            future.set_result(self._until_done(attempt))
        except BaseException as error:  # noqa: BLE001  # it is raised where the result is looked at
            future.set_exception(error)

    def _until_done(self, attempt: Callable[[], T]) -> T | GivenUp:
        delay = FIRST_DELAY_S
        while True:
            try:
                done = attempt()
            except PositionMovedError as error:
                log.warning("a partition was moved on by another consumer; reading its position again", why=str(error))
                return GIVEN_UP
            except (RetryableDatabaseError, RegistryUnavailableError) as error:
                self._on_trouble(error)
                event = _DATABASE if isinstance(error, RetryableDatabaseError) else _REGISTRY
                log.warning(event, why=str(error), delay_seconds=round(delay, 2))
            else:
                self._on_trouble(None)
                return done
            if self._cancel.wait(delay * random.uniform(0.5, 1.0)):  # noqa: S311  # jitter, no secret
                return GIVEN_UP
            delay = min(delay * 2, LONGEST_DELAY_S)
