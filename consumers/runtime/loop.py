"""The loop: one thread owns the Kafka consumer, polls, and hands batches to the worker, one at a time.

Offsets are stored after the SQL commit only. Revoked, lost and stopping are three cases: on a revoke and at the stop,
what is under way gets `drain_seconds` to finish; of a lost partition nothing is stored.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.runtime.assignment import Assignment, Owned, Work
from consumers.runtime.intake import Intake
from consumers.runtime.metrics import Metrics
from consumers.runtime.processor import Processor, Result
from consumers.runtime.ticks import Ticker
from consumers.runtime.worker import GivenUp, Worker
from consumers.settings import ConsumerSettings
from db.rows import PositionRow

log = structlog.get_logger()

IDLE_POLL_S: Final = 0.05
BUSY_POLL_S: Final = 0.002
LAG_EVERY_S: Final = 5.0
FRESHNESS_EVERY_S: Final = 10.0
TICK_EVERY_S: Final = 0.05
DUE_EVERY_S: Final = 1.0
"""Also while records wait: what is due on a quiet partition does not wait for a busy one."""
METADATA_S: Final = 2.0


class Loop:
    """One consumer of the group.

    Args:
        consumer: not subscribed yet.
        processor: used by the worker only.
    """

    def __init__(
        self,
        consumer: Consumer,
        processor: Processor,
        worker: Worker,
        ticker: Ticker,
        metrics: Metrics,
        settings: ConsumerSettings,
    ) -> None:
        self._consumer, self._processor, self._worker = consumer, processor, worker
        self._ticker, self._metrics, self._settings = ticker, metrics, settings
        self._topic = settings.person_changes_topic
        self.assignment = Assignment()
        self._intake = Intake(consumer, self.assignment, settings)
        self._job: tuple[Future[Any], Callable[[Any], None]] | None = None
        self._crashed = False
        self._counted = False
        self._measured_at = self._asked_at = self._ticked_at = self._due_asked_at = 0.0
        self.turned_at = time.monotonic()

    def run(self, stopping: Callable[[], bool]) -> None:
        """Consume until told to stop, then finish what is under way, store offsets and leave the group.

        Raises:
            LogError: the log cannot be read on.
            KafkaException: the broker refuses us for good.
            Exception: whatever work raised that trying again cannot mend; nothing of it was stored.
        """
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        try:
            while not stopping():
                self.turn()
        except BaseException:
            self._crashed = True
            raise
        finally:
            self._consumer.close()  # calls on_revoke

    def turn(self) -> None:
        """Poll once, and move the work on by what is possible without waiting for it."""
        if self._intake.full and self._job is not None:
            wait([self._job[0]], IDLE_POLL_S)
        self._intake.poll(IDLE_POLL_S if self._job is None else BUSY_POLL_S)
        if not self._counted:
            self._count_partitions()
        self._collect()
        if self._job is None:
            self._dispatch()
        self._intake.flow()
        self._tick()
        self._measure()
        self.turned_at = time.monotonic()

    @property
    def positioned(self) -> bool:
        """Whether the place of every partition that is ours is known, and there is at least one."""
        return bool(self.assignment.owned) and not self.assignment.unpositioned()

    # Rebalances: called by Kafka's client inside poll and close. What they raise ends the process. They must not call
    # what serves callbacks itself or waits for the broker (poll, consume, commit, list_topics): confluent-kafka then
    # forgets the call that it is in, and aborts the process at the next callback of that call.

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ids = [p.partition for p in partitions]
        log.info("partitions assigned", partitions=ids)
        # Held until PostgreSQL has told the position: it may be away, and polling must go on. At a plain offset, though
        # it may be gone: the client would look up a logical one (beginning, end), and what it finds undoes the seek.
        consumer.incremental_assign([TopicPartition(self._topic, p, 0) for p in ids])
        self._intake.hold(ids)
        self.assignment.add(ids)
        self._counted = False

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ids = [p.partition for p in partitions]
        log.info("partitions revoked", partitions=ids)
        if not self._crashed:
            self._drain(ids)
        self.assignment.drop(ids)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        ids = [p.partition for p in partitions]
        log.warning("partitions lost: the group has given them to others", partitions=ids)
        self.assignment.drop(ids)
        consumer.incremental_unassign(partitions)

    def _count_partitions(self) -> None:
        """How many partitions the topic has; 0 when the broker does not say in time: then nothing is judged by it."""
        self._counted = True
        try:
            topic = self._consumer.list_topics(self._topic, timeout=METADATA_S).topics[self._topic]
            self._processor.partitions = len(topic.partitions)
        except (KafkaException, KeyError):
            self._processor.partitions = 0

    def _drain(self, ids: list[int]) -> None:
        """Let work on these partitions finish and store its offsets, within the deadline."""
        work = self.assignment.taken
        if self._job is None or work is None or not {o.partition for o in work.owners} & set(ids):
            return
        wait([self._job[0]], self._settings.drain_seconds)
        self._collect()
        if self._job is not None:
            log.warning("a batch did not finish in time; whoever owns its partitions next will see", partitions=ids)
            self._worker.cancel()

    # What the worker does

    def _dispatch(self) -> None:
        """The next thing to do: positions; now and then how fresh all is and what is due; records."""
        store = self._processor.store
        if unknown := self.assignment.unpositioned():
            ids = [owned.partition for owned in unknown]
            self._start(partial(store.positions, self._topic, ids), partial(self._positions, unknown))
        elif time.monotonic() - self._asked_at >= FRESHNESS_EVERY_S:
            self._asked_at = time.monotonic()
            self._start(partial(store.oldest_pending, list(self.assignment.owned)), self._pending)
        elif stale := self._stale():
            self._due_asked_at = time.monotonic()
            ids = [owned.partition for owned in stale]
            self._start(partial(store.next_due, ids), partial(self._due, stale))
        elif work := self.assignment.take(self._settings.batch_max_records, self._settings.batch_max_bytes):
            self._start(partial(self._processor.process, work.batch), partial(self._committed, work))

    def _stale(self) -> list[Owned]:
        """Partitions on which nothing arrives, and of which it is not known what is due."""
        if not self.assignment.idle() and time.monotonic() - self._due_asked_at < DUE_EVERY_S:
            return []
        return [o for o in self.assignment.owned.values() if o.at_end and not o.due_known and not o.more_due]

    def _tick(self) -> None:
        if time.monotonic() - self._ticked_at >= TICK_EVERY_S:
            self._ticked_at = time.monotonic()
            self._ticker.tick(self.assignment.quiet())

    def _start(self, attempt: Callable[[], Any], finish: Callable[[Any], None]) -> None:
        self._job = (self._worker.submit(attempt), finish)

    def _collect(self) -> None:
        """Take over what the worker has finished; what it could not do ends the process."""
        if self._job is not None and self._job[0].done():
            (future, finish), self._job = self._job, None
            finish(future.result())

    def _positions(self, asked: list[Owned], rows: dict[int, PositionRow] | GivenUp) -> None:
        if not isinstance(rows, GivenUp):
            for owned in asked:
                if self.assignment.owned.get(owned.partition) is owned:
                    self._intake.place(owned, rows[owned.partition])

    def _committed(self, work: Work, result: Result | GivenUp) -> None:
        if isinstance(result, GivenUp):
            self.assignment.give_up(work)
            self._intake.hold(owned.partition for owned in self.assignment.unpositioned())
            return
        self._store(self.assignment.commit(work, result.more_due))
        self._metrics.batch(result)

    def _pending(self, since: int | GivenUp | None) -> None:
        if not isinstance(since, GivenUp):
            self._metrics.uncovered(since)

    def _due(self, asked: list[Owned], due: dict[int, int] | GivenUp) -> None:
        if not isinstance(due, GivenUp):
            for owned in asked:
                owned.next_due, owned.due_known = due.get(owned.partition), True

    def _store(self, offsets: dict[int, int]) -> None:
        """Tell Kafka's group how far we are; it is for lag tools only, PostgreSQL has the position that counts."""
        places = [TopicPartition(self._topic, partition, offset) for partition, offset in offsets.items()]
        try:
            if places:
                self._consumer.store_offsets(offsets=places)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001  # taken away meanwhile: the next owner stores
                raise
            log.info("offsets of partitions that are ours no more were not stored", offsets=offsets)

    def _measure(self) -> None:
        self._metrics.waiting.set(len(self.assignment.waiting))
        if time.monotonic() - self._measured_at >= LAG_EVERY_S:
            self._measured_at = time.monotonic()
            self._metrics.partitions.set(len(self.assignment.owned))
            self._metrics.lag(self._intake.behind(), self.assignment.oldest())
