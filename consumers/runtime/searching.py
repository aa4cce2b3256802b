"""What opt-outs have left to be searched is done beside consumption, on a thread and a connection of its own."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from consumers.runtime.opt_outs import bytes_patterns
from consumers.runtime.worker import GivenUp, Worker
from db.errors import FatalDatabaseError
from db.searches import Searches

if TYPE_CHECKING:
    from concurrent.futures import Future

log = structlog.get_logger()

LOOK_EVERY_S: Final = 1.0
PAUSE_S: Final = 0.05
"""Between two pages, so that PostgreSQL has time for others."""
REFUSED_S: Final = 60.0
"""After a search that the database refused, which somebody must look at; records do not wait for that."""


class Searching:
    """Lets a worker search a page at a time, and never waits for it.

    Args:
        searches: used by the worker only.
        worker: tries again while the database is away.
        waiting: told how many searches there are.
        refused: told the error of each search that the database cannot do.
    """

    def __init__(
        self, searches: Searches, worker: Worker, waiting: Callable[[int], None], refused: Callable[[Exception], None]
    ) -> None:
        self._attempt, self._worker = partial(searches.turn, bytes_patterns), worker
        self._waiting, self._refused = waiting, refused
        self._job: Future[int | GivenUp] | None = None
        self._not_before = 0.0

    def turn(self) -> None:
        """Begin a page when it is time, and take over what is done.

        Raises:
            Exception: a bug, which trying again could not mend.
        """
        if self._job is None:
            if time.monotonic() >= self._not_before:
                self._job = self._worker.submit(self._attempt)
        elif self._job.done():
            done, self._job = self._job, None
            self._not_before = time.monotonic() + self._pause(done)

    def _pause(self, done: "Future[int | GivenUp]") -> float:
        try:
            count = done.result()
        except FatalDatabaseError as error:
            log.error("a search after an opt-out failed; trying again in a minute", why=str(error))  # noqa: TRY400  # as elsewhere
            self._refused(error)
            return REFUSED_S
        if isinstance(count, GivenUp):
            return 0.0
        self._waiting(count)
        return PAUSE_S if count else LOOK_EVERY_S
