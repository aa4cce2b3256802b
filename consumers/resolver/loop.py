"""The loop: one thread polls the hints, settles a batch, and stores its offsets; what cannot be done now is kept.

Kafka's own offsets are the position: a hint that is read twice is told twice with the same event id, which is one
effect downstream.
"""

import random
import time
from collections.abc import Callable
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.resolver.batch import Batch
from consumers.resolver.metrics import ResolverMetrics
from consumers.resolver.settings import ResolverSettings
from consumers.runtime.records import Record
from db.errors import RetryableDatabaseError
from db.hints import START, HintStore, place_of
from schemas.appender import NotAppendedError

log = structlog.get_logger()

POLL_SECONDS: Final = 0.2
FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 5.0
WAITING_AT_ONCE: Final = 1000
"""How many parked hints are tried again at once: a bounded look-up, however many wait."""


class Loop:
    """One resolver of the group.

    Args:
        consumer: not subscribed yet.
        batch: used by this thread only.
    """

    def __init__(
        self,
        consumer: Consumer,
        batch: Batch,
        store: HintStore,
        metrics: ResolverMetrics,
        settings: ResolverSettings,
    ) -> None:
        self._consumer, self._batch, self._store = consumer, batch, store
        self._metrics, self._settings = metrics, settings
        self._topic = settings.person_hints_topic
        self._records: list[Record] = []
        self._not_before = 0.0
        self._delay = FIRST_DELAY_S
        self._place, self._tried_at = START, time.monotonic()
        self.turned_at = time.monotonic()
        self.trouble: str | None = None

    def run(self, stopping: Callable[[], bool]) -> None:
        """Resolve until told to stop.

        Raises:
            KafkaException: the broker refuses us for good.
            FatalDatabaseError: the database has not this code's tables.
        """
        self._consumer.subscribe([self._topic], on_assign=self._note, on_revoke=self._drop, on_lost=self._drop)
        try:
            while not stopping():
                self.turn()
        finally:
            self._consumer.close()

    def turn(self) -> None:
        """Poll once, and do what can be done."""
        self._poll()
        if time.monotonic() >= self._not_before:
            try:
                self._work()
            except (NotAppendedError, RetryableDatabaseError) as error:
                self._wait(str(error))
        self.turned_at = time.monotonic()

    def _poll(self) -> None:
        """Read on only when nothing waits to be done again, but poll all the time, or the group thinks us dead."""
        if self._records:
            self._consumer.pause(self._consumer.assignment())
            if (message := self._consumer.poll(POLL_SECONDS)) is not None:
                self._take(message)
            return
        for message in self._consumer.consume(self._settings.resolver_batch_records, POLL_SECONDS):
            self._take(message)

    def _take(self, message: Message) -> None:
        if (error := message.error()) is None:
            self._records.append(_record(message))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the client's names for its own begin so
            return
        elif error.fatal():
            raise KafkaException(error)
        else:
            log.warning("the broker cannot do it now; the client tries again", why=error.str())

    def _work(self) -> None:
        if self._records:
            self._batch.records(self._records)
            self._store_offsets()
            self._records = []
            self._consumer.resume(self._consumer.assignment())
        elif time.monotonic() - self._tried_at >= self._settings.resolver_retry_seconds:
            self._try_waiting()
        else:
            return
        self.trouble, self._delay = None, FIRST_DELAY_S

    def _try_waiting(self) -> None:
        """Try the next parked hints again, in turn: the person may have come to a roster since."""
        rows = self._store.waiting(self._place, WAITING_AT_ONCE)
        if rows:
            self._batch.waiting(rows)
        self._place = place_of(rows[-1]) if len(rows) == WAITING_AT_ONCE else START
        self._metrics.parked.set(self._store.count_waiting())
        self._tried_at = time.monotonic()

    def _wait(self, why: str) -> None:
        self.trouble = why
        self._metrics.failures.inc()
        log.warning("hints cannot be resolved now; trying again", why=why, delay_seconds=round(self._delay, 2))
        self._not_before = time.monotonic() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311  # jitter, no secret
        self._delay = min(self._delay * 2, LONGEST_DELAY_S)

    def _store_offsets(self) -> None:
        ends = {record.partition: record.offset + 1 for record in self._records}
        try:
            self._consumer.store_offsets(offsets=[TopicPartition(self._topic, p, end) for p, end in ends.items()])
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001  # taken away: whoever has them resolves again
                raise
            log.info("offsets of partitions that are ours no more were not stored", offsets=ends)

    def _note(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        log.info("partitions assigned", partitions=[partition.partition for partition in partitions])

    def _drop(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        """Forget what was read of partitions that others have now; they read it again."""
        gone = {partition.partition for partition in partitions}
        self._records = [record for record in self._records if record.partition not in gone]


def _record(message: Message) -> Record:
    partition, offset, (_, timestamp) = message.partition(), message.offset(), message.timestamp()
    return Record(partition, offset, timestamp, message.key(), message.value(), message.headers() or ())  # type: ignore[arg-type]  # a record has both, and bytes
