"""Folds the log into a shadow: the same records, bookkeeping, processor and store as live consumption, in one thread.

The shadow has its own positions, in the transaction of the effects, so that a fold that was interrupted goes on where
it was.
"""

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from consumers.replay.log import Offsets, bounds, read_log
from consumers.runtime.assignment import Assignment
from consumers.runtime.intake import LogError
from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from consumers.settings import ConsumerSettings
from db.rows import PositionRow
from db.store import Store
from schemas.topics import TICK_TYPE

Progress = Callable[[int, int], None]
"""Told after every batch how many offsets were folded, and of how many as far as is known."""


@dataclass
class Aside:
    """One fold of the log.

    Args:
        settings: of the live consumers; the refresh interval must be theirs, for decisions rest on it.
        shadow_url: where the rows go.
        keys: fold only records of these companies; of all others only the time is taken, which decides what is due.
        progress: told of every batch.
    """

    settings: ConsumerSettings
    shadow_url: str
    keys: Collection[bytes] | None = None
    progress: Progress = lambda _done, _total: None
    _done: int = 0
    _total: int = 0
    _processor: Processor = field(init=False)

    def __post_init__(self) -> None:
        """Nothing that is folded aside can empty a topic into dead letters: the breaker stays closed."""
        url = SecretStr(self.shadow_url)
        free = {"database_url": url, "dead_letter_run_limit": sys.maxsize, "dead_letter_ratio_limit": 1.0}
        self.settings = self.settings.model_copy(update=free)
        self._processor = Processor(Store(self.shadow_url), self.settings, aside=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processor.store.close()

    def behind(self, ends: Offsets) -> int:
        """How many offsets the fold has to go to these."""
        positions = self._positions(ends)
        return sum(max(0, end - positions[partition].next_offset) for partition, end in ends.items())

    def fold(self, ends: Offsets) -> None:
        """Fold on, from where the shadow is, up to these offsets.

        Raises:
            LogError: the log has not any more what comes next, or its times are not the broker's.
            KafkaException: the broker refuses us for good.
            RetryableDatabaseError: the database is away; what was folded stays.
        """
        if not any(ends.values()):
            return
        self._total = self._done + self.behind(ends)
        assignment = self._placed(ends)
        starts = {owned.partition: owned.next_offset for owned in assignment.owned.values()}
        for records in read_log(self.settings, starts, ends):
            for record in records:
                assignment.accept(self._ours(record))
                if self._is_full(assignment):
                    self._process(assignment)
        self._process(assignment)

    def _placed(self, ends: Offsets) -> Assignment:
        assignment, logs = Assignment(), bounds(self.settings)
        assignment.add(ends)
        positions = self._positions(ends)
        for owned in assignment.unpositioned():
            low, _ = logs[owned.partition]
            assignment.position(owned, positions[owned.partition])
            if owned.next_offset < low and not owned.untouched:
                raise LogError(
                    f"{self.settings.person_changes_topic}/{owned.partition}: the fold is at offset "
                    f"{owned.next_offset}, but the log begins at {low} now. Discard it and begin anew."
                )
            owned.next_offset = max(owned.next_offset, low)
            owned.more_due = owned.log_time is not None  # what an interrupted fold left due
        return assignment

    def _is_full(self, assignment: Assignment) -> bool:
        bounds = self.settings.batch_max_records, self.settings.batch_max_bytes
        return assignment.waiting >= bounds[0] or assignment.waiting_bytes >= bounds[1]

    def _process(self, assignment: Assignment) -> None:
        """Fold all that waits, in the order in which it was read, and what is due."""
        while assignment.waiting or any(owned.more_due for owned in assignment.owned.values()):
            work = assignment.take(sys.maxsize, sys.maxsize)
            if work is None:
                return
            work.batch.reads.sort(key=lambda read: (read.log_time, read.record.partition, read.record.offset))
            result = self._processor.process(work.batch)
            assignment.commit(work, result.more_due)
            self._done += sum(work.batch.next_offsets[p] - start for p, start in work.batch.expected.items())
            self.progress(self._done, self._total)

    def _ours(self, record: Record) -> Record:
        """The record, or a tick in its place when it is about a company that was not chosen."""
        if self.keys is None or record.key is None or record.key in self.keys:
            return record
        return record._replace(key=None, value=None, headers=[("ce_type", TICK_TYPE.encode())])

    def _positions(self, ends: Offsets) -> Mapping[int, PositionRow]:
        return self._processor.store.positions(self.settings.person_changes_topic, sorted(ends))


def cut_off(settings: ConsumerSettings) -> dict[int, int]:
    """Where the log begins, by partition, if not at its beginning: what was before is gone, and no fold can know it.

    Raises:
        KafkaException: the broker does not answer, or refuses.
        LogError: there is no such topic.
    """
    return {partition: low for partition, (low, _) in bounds(settings).items() if low > 0}
