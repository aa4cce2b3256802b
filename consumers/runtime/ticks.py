"""Ticks: records without a key that say only that log time has come this far, so that time itself is in the log.

When to append one is judged by the broker's clock, as its answers to ticks tell it; what follows from one is decided by
its timestamp alone. So this consumer's clock may be wrong: it neither delays a tick nor changes a decision.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Message, Producer

from consumers.runtime.assignment import Owned
from consumers.runtime.log_clock import LogClock
from schemas.codec import Codec
from schemas.producing import flush
from schemas.settings import KafkaSettings
from schemas.topics import tick_headers

log = structlog.get_logger()

LEAST_SECONDS_BETWEEN: Final = 1.0
"""On one partition: whatever is wrong with clocks costs a tick a second, no more."""
CLOSE_SECONDS: Final = 1.0
METADATA_MS: Final = 2000
"""So long a partition that was just added may be without ticks; unless told, the client looks every five minutes."""


def needs_tick(owned: Owned, now_ms: int) -> bool:
    """Whether something is due on a partition on which nothing arrives."""
    return _pending(owned) and owned.next_due is not None and owned.next_due <= now_ms


def _pending(owned: Owned) -> bool:
    """Whether a partition on which nothing arrives waits for a time to come."""
    return owned.at_end and owned.due_known and owned.next_due is not None


def ticker_for(
    settings: KafkaSettings, name: str, on_sent: Callable[[], None], clock: Callable[[], int] = time.time_ns
) -> "Ticker":
    """A ticker of the log, with a producer of its own."""
    # Partitions that are added are not learnt of by trying to append to them, only when all are asked for again.
    fresh = {"topic.metadata.refresh.interval.ms": METADATA_MS}
    config = settings.producer_config(name, **{"linger.ms": 0, "message.timeout.ms": 10_000, **fresh})
    return Ticker(Producer(config), settings.person_changes_topic, name, on_sent, clock)


class Ticker:
    """Appends ticks, at most one a second and one under way a partition.

    Args:
        producer: of its own; ticks are not awaited: one that is lost is followed by another.
        name: who sends them.
        clock: wall-clock time, ns UTC; for people who read the log.
        on_sent: told of each tick that the broker took.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        name: str,
        on_sent: Callable[[], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._producer, self._topic, self._name = producer, topic, name
        self._on_sent, self._clock = on_sent, clock
        self._log_clock = LogClock(clock)
        self._codec = Codec("tick")
        self._last: dict[int, float] = {}
        self._under_way: set[int] = set()
        self._asked_at = -math.inf

    def tick(self, partitions: Iterable[Owned]) -> None:
        """Append a tick to each of these partitions that needs one; when nobody knows the time, to one that waits.

        Raises:
            KafkaException: the producer failed for good (`schemas/producing.py`); who starts anew has another.
        """
        self._producer.poll(0)
        now_ms = self._log_clock.now()
        if now_ms is None:
            self._ask([owned.partition for owned in partitions if _pending(owned)])
            return
        for owned in partitions:
            if needs_tick(owned, now_ms) and self._may(owned.partition):
                self._send(owned.partition)

    def wake(self, partitions: Iterable[int]) -> None:
        """Append a tick to each of these partitions, so that whoever owns them looks where they are."""
        for partition in partitions:
            self._send(partition)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Give what was sent so long to arrive; what does not is sent by the next owner."""
        with suppress(KafkaException):
            flush(self._producer, time.monotonic() + seconds)

    def _ask(self, partitions: Sequence[int]) -> None:
        """Once a second, another partition each time: the leader of one may be away."""
        if not partitions or time.monotonic() - self._asked_at < LEAST_SECONDS_BETWEEN:
            return
        partition = min(partitions, key=lambda partition: self._last.get(partition, -math.inf))
        if self._may(partition):
            self._asked_at = time.monotonic()
            self._send(partition)

    def _may(self, partition: int) -> bool:
        now = time.monotonic()
        soon = now - self._last.get(partition, -math.inf) < LEAST_SECONDS_BETWEEN
        if soon or partition in self._under_way:
            return False
        self._last[partition] = now
        return True

    def _send(self, partition: int) -> None:
        now_ms = self._clock() // 1_000_000
        value = self._codec.encode({"sent_by": self._name, "sent_at": now_ms})
        headers = tick_headers(self._name, now_ms)
        try:
            self._producer.produce(
                self._topic, value=value, partition=partition, headers=headers, on_delivery=self._delivered
            )
            self._under_way.add(partition)
        except (BufferError, KafkaException) as error:
            log.warning("a tick could not be sent; another follows", partition=partition, why=str(error))

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        self._under_way.discard(message.partition() or 0)
        if error is not None:
            log.warning("a tick did not arrive; another follows", partition=message.partition(), why=error.str())
            return
        kind, log_time = message.timestamp()
        if kind == TIMESTAMP_LOG_APPEND_TIME:
            self._log_clock.tell(log_time)
        self._on_sent()
