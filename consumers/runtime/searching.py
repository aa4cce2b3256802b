"""What opt-outs have left to be searched is done beside consumption, on a thread and a connection of its own."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from consumers.runtime.opt_outs import bytes_pattern
from consumers.runtime.worker import GivenUp, Worker
from db.searches import Searches

if TYPE_CHECKING:
    from concurrent.futures import Future

LOOK_EVERY_S: Final = 1.0
PAUSE_S: Final = 0.05
"""Between two pages, so that PostgreSQL has time for others."""


class Searching:
    """Lets a worker search a page at a time, and never waits for it.

    Args:
        searches: used by the worker only.
        worker: tries again while the database is away.
        waiting: told how many searches there are.
    """

    def __init__(self, searches: Searches, worker: Worker, waiting: Callable[[int], None]) -> None:
        self._attempt, self._worker = partial(searches.turn, bytes_pattern), worker
        self._waiting = waiting
        self._job: Future[int | GivenUp] | None = None
        self._not_before = 0.0

    def turn(self) -> None:
        """Begin a page when it is time, and take over what is done.

        Raises:
            Exception: what trying again could not mend.
        """
        if self._job is None:
            if time.monotonic() >= self._not_before:
                self._job = self._worker.submit(self._attempt)
        elif self._job.done():
            count, self._job = self._job.result(), None
            if not isinstance(count, GivenUp):
                self._waiting(count)
                self._not_before = time.monotonic() + (PAUSE_S if count else LOOK_EVERY_S)
