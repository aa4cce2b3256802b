"""The loop: one thread owns the Kafka consumer, polls, and hands batches to the worker, one at a time.

Offsets are stored after the SQL commit only. Revoked, lost and stopping are three cases: on a revoke and at the stop,
what is under way gets `drain_seconds` to finish; of a lost partition nothing is stored.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.runtime.assignment import Assignment, Owned, Work
from consumers.runtime.intake import Intake
from consumers.runtime.lanes import Lane, wait_for_all, wait_for_one
from consumers.runtime.metrics import Metrics
from consumers.runtime.processor import Result
from consumers.runtime.pruning import PRUNE_ROWS
from consumers.runtime.searching import Searching
from consumers.runtime.ticks import Ticker
from consumers.runtime.worker import GivenUp
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
        lanes: what does the work; there may be several batches under way.
    """

    def __init__(
        self,
        consumer: Consumer,
        lanes: Sequence[Lane],
        ticker: Ticker,
        searching: Searching,
        metrics: Metrics,
        settings: ConsumerSettings,
    ) -> None:
        self._consumer, self._lanes = consumer, lanes
        self._ticker, self._searching = ticker, searching
        self._metrics, self._settings = metrics, settings
        self._topic = settings.person_changes_topic
        self.assignment = Assignment(len(lanes))
        self._intake = Intake(consumer, self.assignment, settings)
        self._crashed = False
        self._counted = False
        self._measured_at = self._asked_at = self._ticked_at = 0.0
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
        if self._intake.full:
            wait_for_one(self._lanes, IDLE_POLL_S)
        self._intake.poll(BUSY_POLL_S if any(lane.busy for lane in self._lanes) else IDLE_POLL_S)
        if not self._counted:
            self._count_partitions()
        for lane in self._lanes:
            lane.collect()
            if not lane.busy:
                self._dispatch(lane)
        self._intake.flow()
        self._tick()
        self._searching.turn()
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
            count = len(self._consumer.list_topics(self._topic, timeout=METADATA_S).topics[self._topic].partitions)
        except (KafkaException, KeyError):
            count = 0
        for lane in self._lanes:
            lane.processor.partitions = count

    def _drain(self, ids: list[int]) -> None:
        """Let work on these partitions finish and store its offsets, within the deadline."""
        taken = self.assignment.taken.values()
        at_work = {work.lane for work in taken if {owned.partition for owned in work.owners} & set(ids)}
        lanes = [lane for lane in self._lanes if lane.number in at_work and lane.busy]
        wait_for_all(lanes, self._settings.drain_seconds)
        for lane in lanes:
            lane.collect()
            if lane.busy:
                log.warning("a batch did not finish in time; whoever owns its partitions next will see", partitions=ids)
                lane.worker.cancel()

    # What the lanes do

    def _dispatch(self, lane: Lane) -> None:
        """A lane's next thing to do: positions; now and then how fresh all is, what is due; records; else, pruning.

        Pruning that is late goes before records, or a lane that is never without would not prune at all.
        """
        store = lane.processor.store
        if unknown := self.assignment.unpositioned(lane.number):
            ids = [owned.partition for owned in unknown]
            lane.start(partial(store.positions, self._topic, ids), partial(self._positions, unknown))
        elif time.monotonic() - self._asked_at >= FRESHNESS_EVERY_S:
            self._asked_at = time.monotonic()
            lane.start(partial(store.oldest_pending, list(self.assignment.owned)), self._pending)
        elif stale := self._stale(lane):
            lane.due_asked_at = time.monotonic()
            ids = [owned.partition for owned in stale]
            asked_at = [(owned, owned.position) for owned in stale]
            lane.start(partial(store.next_due, ids), partial(self._due, asked_at))
        elif prune := self._pruning(lane, idle=False):
            self._prune(lane, prune)
        elif work := self.assignment.take(
            self._settings.batch_max_records, self._settings.batch_max_bytes, lane.number
        ):
            lane.start(partial(lane.processor.process, work.batch), partial(self._committed, work))
        elif prune := self._pruning(lane, idle=True):
            self._prune(lane, prune)

    def _pruning(self, lane: Lane, *, idle: bool) -> Callable[[], int] | None:
        """A statement that prunes the inbox of a lane's partitions, if it is time for one."""
        age_ms = self._settings.inbox_retention_ms
        if age_ms is None or not lane.pruning.due(time.monotonic(), idle=idle):
            return None
        ids = [partition for partition in self.assignment.owned if self.assignment.asker(partition) == lane.number]
        return partial(lane.processor.store.prune, self._topic, ids, age_ms, PRUNE_ROWS) if ids else None

    def _prune(self, lane: Lane, prune: Callable[[], int]) -> None:
        lane.pruning.start(time.monotonic())
        lane.start(prune, partial(self._pruned, lane))

    def _stale(self, lane: Lane) -> list[Owned]:
        """Those partitions that a lane asks for on which nothing arrives, and of which it is not known what is due.

        Not those that are worked on: what another lane is about to commit may make another answer true.
        """
        if not self.assignment.idle() and time.monotonic() - lane.due_asked_at < DUE_EVERY_S:
            return []
        quiet = (o for o in self.assignment.owned.values() if o.at_end and not o.due_known and not o.more_due)
        at_work = self.assignment.at_work()
        return [o for o in quiet if self.assignment.asker(o.partition) == lane.number and o.partition not in at_work]

    def _tick(self) -> None:
        if time.monotonic() - self._ticked_at >= TICK_EVERY_S:
            self._ticked_at = time.monotonic()
            self._ticker.tick(self.assignment.quiet())

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

    def _due(self, asked: list[tuple[Owned, int | None]], due: dict[int, int] | GivenUp) -> None:
        """What is due on these partitions, if nothing was committed since they were asked about at these positions."""
        if not isinstance(due, GivenUp):
            for owned, position in asked:
                if owned.position == position:
                    owned.next_due, owned.due_known = due.get(owned.partition), True

    def _pruned(self, lane: Lane, rows: int | GivenUp) -> None:
        lane.pruning.end(time.monotonic(), more=isinstance(rows, GivenUp) or rows >= PRUNE_ROWS)
        if not isinstance(rows, GivenUp):
            self._metrics.pruned.inc(rows)

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
        self._metrics.waiting.set(self.assignment.waiting)
        self._metrics.waiting_bytes.set(self.assignment.waiting_bytes)
        if time.monotonic() - self._measured_at >= LAG_EVERY_S:
            self._measured_at = time.monotonic()
            self._metrics.partitions.set(len(self.assignment.owned))
            self._metrics.lag(self._intake.behind(), self.assignment.oldest())
