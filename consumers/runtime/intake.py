"""Polls: records into the assignment, the broker's troubles told apart, and no more read than there is room for."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, overload

import structlog
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.runtime.assignment import Assignment, Owned
from consumers.runtime.records import Headers, Record
from consumers.settings import ConsumerSettings
from db.rows import PositionRow

log = structlog.get_logger()

MOST_RECORDS_A_POLL: Final = 500
PAUSE_AFTER_S: Final = 1.0
"""How long the buffer may stay full before partitions are paused: a pause throws away what librdkafka has fetched."""
WATERMARK_TIMEOUT_S: Final = 10.0
_TRANSIENT: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  # the client's names for its own errors begin with an underscore
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001  # the group gave our partitions away; on_lost follows
        KafkaError.UNKNOWN_TOPIC_OR_PART,  # the topic may come
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.LEADER_NOT_AVAILABLE,  # an election is on
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)


class LogError(RuntimeError):
    """The log cannot be read on without losing or misjudging records."""


class Intake:
    """Reads the log into an assignment; used by the thread that owns the consumer.

    Args:
        clock: monotonic seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        assignment: Assignment,
        settings: ConsumerSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer, self._assignment, self._clock = consumer, assignment, clock
        self._topic, self._accept_lost = settings.person_changes_topic, settings.accept_lost_records
        self._limit, self._limit_bytes = settings.buffer_max_records, settings.buffer_max_bytes
        self._full_since: float | None = None
        self._unasked_until = -math.inf
        self._paused = False

    def poll(self, timeout: float) -> None:
        """Wait for a record, at most `timeout` seconds, then take all that is there and has room.

        Raises:
            LogError: the log cannot be read on.
            KafkaException: the broker refuses us for good.
        """
        if self.full and not self._paused:
            return
        message = self._consumer.poll(timeout)
        if message is None:
            return
        self._take(message)
        room = self._limit - self._assignment.waiting
        for more in self._consumer.consume(max(1, min(room, MOST_RECORDS_A_POLL)), 0):
            self._take(more)

    @property
    def full(self) -> bool:
        """Whether no more records may wait, for their number or for their size.

        The last poll may have brought more than fits: at most what the client had fetched.
        """
        return self._assignment.waiting >= self._limit or self._assignment.waiting_bytes >= self._limit_bytes

    def flow(self) -> None:
        """Pause when the buffer stays full, resume when half of it is done; polling goes on all the time."""
        if not self.full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = self._clock()
        if not self._paused and self._full_since is not None and self._clock() - self._full_since > PAUSE_AFTER_S:
            self._paused = True
            self._consumer.pause(self._positioned())
        elif self._paused and self._half_done():
            self._paused = False
            self._consumer.resume(self._positioned())

    def _half_done(self) -> bool:
        waiting = self._assignment
        return waiting.waiting <= self._limit // 2 and waiting.waiting_bytes <= self._limit_bytes // 2

    def hold(self, partitions: Iterable[int]) -> None:
        """Read nothing of these partitions until they are placed."""
        self._consumer.pause([TopicPartition(self._topic, partition) for partition in partitions])

    def place(self, owned: Owned, row: PositionRow) -> None:
        """Read a partition on from its position in PostgreSQL.

        Raises:
            LogError: the log does not have that position any more.
        """
        self._assignment.position(owned, row)
        owned.next_offset = self._readable(owned)
        place = TopicPartition(self._topic, owned.partition, owned.next_offset)
        try:
            self._consumer.seek(place)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:  # noqa: SLF001
                raise
            self._assign_anew(place)
        if not self._paused:
            self._consumer.resume([place])

    def behind(self) -> dict[int, int]:
        """Records of each partition that are not committed yet, as far as the client knows."""
        return {o.partition: self._behind(o) for o in self._assignment.owned.values() if o.position is not None}

    def _behind(self, owned: Owned) -> int:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, owned.partition), cached=True)
        return max(0, high - max(low, owned.position or 0))

    def _take(self, message: Message) -> None:
        if (error := message.error()) is not None:
            self._trouble(message, error)
            return
        self._assignment.accept(record_of(message))

    def _trouble(self, message: Message, error: KafkaError) -> None:
        code, partition = error.code(), message.partition()
        if code == KafkaError._PARTITION_EOF:  # noqa: SLF001
            self._assignment.end_reached(partition or 0, message.offset() or 0)
        elif code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self._gone(partition or 0, message.offset())
        else:
            raise_unless_transient(error)

    def _gone(self, partition: int, offset: int | None) -> None:
        """An offset is not in the log, and the client has stopped reading the partition.

        It may be the one at which the partition was held before it was placed: of that, nobody wanted to read.
        """
        owned = self._assignment.owned.get(partition)
        if owned is None or owned.position is None:
            return
        if owned.next_offset == offset:
            raise LogError(
                f"{self._topic}/{partition}: the next record to read, offset {offset}, was deleted while it waited. "
                "Start again: the message then says what is gone, and how to go on all the same."
            )
        place = TopicPartition(self._topic, partition, owned.next_offset)
        self._assign_anew(place)
        if not self._paused:
            self._consumer.resume([place])

    def _assign_anew(self, place: TopicPartition) -> None:
        """Make the client read a partition that it has given up: a seek moves only what is being read."""
        self._consumer.incremental_unassign([place])
        self._consumer.incremental_assign([place])
        self._consumer.pause([place])

    def _readable(self, owned: Owned) -> int:
        """The next offset to read: the position, or the log's beginning where retention has deleted what was before.

        Nothing is lost by us when nothing of the partition was ever read.
        """
        if self._clock() < self._unasked_until:
            return owned.next_offset
        try:
            place = TopicPartition(self._topic, owned.partition)
            low, high = self._consumer.get_watermark_offsets(place, timeout=WATERMARK_TIMEOUT_S)
        except KafkaException:
            # The broker is away; should the position be gone, reading it will tell. Not asked for each of a hundred
            # partitions in turn: who does not poll for minutes loses them all.
            self._unasked_until = self._clock() + WATERMARK_TIMEOUT_S
            return owned.next_offset
        if low <= owned.next_offset <= high:
            return owned.next_offset
        if not owned.untouched and not self._accept_lost:
            early = owned.next_offset < low
            why = "retention deleted records that were never read" if early else "the topic was made anew"
            raise LogError(
                f"{self._topic}/{owned.partition}: the next record to read has offset {owned.next_offset}, but the log "
                f"has {low} to {high}: {why}. To go on with what the log has, start once with ACCEPT_LOST_RECORDS=true."
            )
        log.warning("reading from the log's beginning", partition=owned.partition, position=owned.position, offset=low)
        return low

    def _positioned(self) -> list[TopicPartition]:
        owned = self._assignment.owned.values()
        return [TopicPartition(self._topic, o.partition) for o in owned if o.position is not None]


def raise_unless_transient(error: KafkaError) -> None:
    """Let pass what the client itself will mend.

    Raises:
        KafkaException: all else.
    """
    if error.fatal() or not (error.code() in _TRANSIENT or error.retriable()):
        raise KafkaException(error)
    log.warning("the broker cannot do it now; the client tries again", why=error.str())


class MessageHeaders(Sequence[tuple[str, bytes | None]]):
    """A message's headers, read from the client when somebody asks: of ordinary changes, nobody does."""

    __slots__ = ("_message",)

    def __init__(self, message: Message) -> None:
        self._message = message

    def __len__(self) -> int:
        return len(self._all())

    @overload
    def __getitem__(self, at: int) -> tuple[str, bytes | None]: ...
    @overload
    def __getitem__(self, at: slice) -> Headers: ...
    def __getitem__(self, at: int | slice) -> tuple[str, bytes | None] | Headers:
        return self._all()[at]

    def _all(self) -> Headers:
        return self._message.headers() or ()  # type: ignore[return-value]  # of what was read, values are bytes


def record_of(message: Message) -> Record:
    """A message as a record.

    Raises:
        LogError: its time is not the broker's.
    """
    kind, timestamp = message.timestamp()
    if kind != TIMESTAMP_LOG_APPEND_TIME:
        raise LogError(
            f"topic {message.topic()} has records without the broker's time (message.timestamp.type is not "
            "LogAppendTime); decisions would rest on producers' clocks. Set it with kafka-configs.sh, then restart."
        )
    partition, offset = message.partition(), message.offset()
    return Record(partition, offset, timestamp, message.key(), message.value(), MessageHeaders(message))  # type: ignore[arg-type]  # a record has both, and bytes
