"""Lanes: batches of different partitions under way side by side, each on a database connection of its own.

While PostgreSQL works for one lane, Python works for another. What holds for two consumers of the group holds for two
lanes: no two work on one partition, the position is compared before the commit, a company's revision is too.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from consumers.runtime.processor import Processor
from consumers.runtime.pruning import Pruning
from consumers.runtime.worker import Worker


@dataclass(slots=True)
class Lane:
    """One thing under way at a time.

    Attributes:
        number: counts from 0; see `consumers.runtime.assignment.Assignment.asker`.
        processor: used by the worker only.
        due_asked_at: when it was last asked what is due, seconds (monotonic).
        pruning: when to prune the inbox of the partitions that it asks for.
    """

    number: int
    processor: Processor
    worker: Worker
    due_asked_at: float = 0.0
    pruning: Pruning = field(default_factory=Pruning)
    _job: tuple[Future[Any], Callable[[Any], None]] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way, or done but not collected."""
        return self._job is not None

    def start(self, attempt: Callable[[], Any], finish: Callable[[Any], None]) -> None:
        """Let the worker do something; `finish` is told its result, by who collects it."""
        self._job = (self.worker.submit(attempt), finish)

    def collect(self) -> None:
        """Take over what the worker has finished.

        Raises:
            Exception: what trying again could not mend.
        """
        if self._job is not None and self._job[0].done():
            (future, finish), self._job = self._job, None
            finish(future.result())

    @property
    def future(self) -> Future[Any] | None:
        """Of what is under way."""
        return self._job[0] if self._job is not None else None


def wait_for_one(lanes: Sequence[Lane], seconds: float) -> None:
    """Wait until something that is under way is done, at most so long."""
    if futures := [lane.future for lane in lanes if lane.future is not None]:
        wait(futures, seconds, FIRST_COMPLETED)


def wait_for_all(lanes: Sequence[Lane], seconds: float) -> None:
    """Wait until all that is under way is done, at most so long."""
    wait([lane.future for lane in lanes if lane.future is not None], seconds)
