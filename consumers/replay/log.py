"""Reads a part of the log, from here to there, without being a member of the consumer group."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from heapq import heappop, heappush
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from consumers.runtime.intake import LogError, raise_unless_transient, record_of
from consumers.runtime.records import Record
from consumers.settings import ConsumerSettings

CHUNK: Final = 2000
WAIT_S: Final = 0.2
ANSWER_S: Final = 15.0
AHEAD_BYTES: Final = 8 << 20
"""So much of a partition may wait for partitions whose records are older; then it is paused."""
OVERHEAD_BYTES: Final = 500
"""What a record costs beside its key and value, about."""
Offsets = Mapping[int, int]
"""An offset by partition."""
Place = tuple[int, int, int]
"""Log time, partition and offset: the order in which a log is folded aside."""


class Merge:
    """Brings the records of several partitions into one order, by log time, partition and offset.

    So a fold aside of companies that have changes on two partitions is the same each time (decision 0019).

    Args:
        starts: the first offset of each partition that is to be read.
    """

    def __init__(self, starts: Offsets) -> None:
        self._least: dict[int, Place] = {p: (-1, p, offset) for p, offset in starts.items()}
        self._waiting: list[tuple[Place, Record]] = []
        self._bytes = dict.fromkeys(starts, 0)

    @property
    def unread(self) -> frozenset[int]:
        """Partitions whose end has not been reached."""
        return frozenset(self._least)

    def take(self, record: Record) -> None:
        """The next record of its partition; one that was read before is left out."""
        time, partition, offset = self._least[record.partition]
        if record.offset < offset:
            return
        place = (max(time, record.timestamp), partition, record.offset)
        self._least[partition] = (place[0], partition, record.offset + 1)
        heappush(self._waiting, (place, record))
        self._bytes[partition] += _size(record)

    def end(self, partition: int) -> None:
        """Nothing more comes of it."""
        self._least.pop(partition, None)

    def ready(self) -> list[Record]:
        """Those that nothing can precede which is not read yet, in order."""
        bound, found = min(self._least.values(), default=None), list[Record]()
        while self._waiting and (bound is None or self._waiting[0][0] < bound):
            record = heappop(self._waiting)[1]
            self._bytes[record.partition] -= _size(record)
            found.append(record)
        return found

    def ahead(self) -> frozenset[int]:
        """Partitions of which enough waits. The one that the others wait for is none of them: nothing of it waits."""
        return frozenset(p for p in self._least if self._bytes[p] > AHEAD_BYTES)


def read_log(settings: ConsumerSettings, starts: Offsets, ends: Offsets) -> Iterator[list[Record]]:
    """The records from `starts` on that lie before `ends`, in order of log time, partition and offset.

    Waits as long as the broker is away.

    Args:
        settings: where the log is.
        starts: the first offset to read; partitions that it does not name are not read.
        ends: the first offset not to read; it must be in the log already.

    Raises:
        LogError: a record that should be there was deleted meanwhile, or has not the broker's time.
        KafkaException: the broker refuses us for good.
    """
    merge = Merge({partition: start for partition, start in starts.items() if start < ends.get(partition, 0)})
    if not merge.unread:
        return
    topic, paused = settings.person_changes_topic, frozenset[int]()
    with _reader(settings) as reader:
        reader.assign([TopicPartition(topic, p, starts[p]) for p in sorted(merge.unread)])
        while merge.unread:
            for message in reader.consume(CHUNK, WAIT_S):
                partition, offset = _place(message)
                if message.error() is None and offset < ends[partition]:
                    merge.take(record_of(message))
                if offset >= ends[partition] - (message.error() is None):
                    merge.end(partition)
            yield merge.ready()
            ahead = merge.ahead()
            reader.pause(_places(topic, ahead - paused))
            reader.resume(_places(topic, paused - ahead))
            paused = ahead


def bounds(settings: ConsumerSettings) -> dict[int, tuple[int, int]]:
    """The first offset of each partition, and the one that its next record will get.

    Raises:
        KafkaException: the broker does not answer, or refuses.
        LogError: there is no such topic.
    """
    topic = settings.person_changes_topic
    with _reader(settings) as reader:
        found = reader.list_topics(topic, timeout=ANSWER_S).topics[topic]
        if found.error is not None:
            raise LogError(f"there is no topic {topic}: run `person-changes topics`")
        return {p: reader.get_watermark_offsets(TopicPartition(topic, p), timeout=ANSWER_S) for p in found.partitions}


def offsets_at(settings: ConsumerSettings, partitions: Mapping[int, tuple[int, int]], time_ms: int) -> dict[int, int]:
    """The first record of each partition that the broker took at this time or later; the end where there is none.

    Args:
        settings: where the log is.
        partitions: as `bounds` gives them.
        time_ms: log time, ms.

    Raises:
        KafkaException: the broker does not answer, or refuses.
    """
    with _reader(settings) as reader:
        wanted = [TopicPartition(settings.person_changes_topic, p, time_ms) for p in partitions]
        places = reader.offsets_for_times(wanted, timeout=ANSWER_S)
    return {place.partition: place.offset if place.offset >= 0 else partitions[place.partition][1] for place in places}


def _size(record: Record) -> int:
    return OVERHEAD_BYTES + record.size


def _places(topic: str, partitions: Iterable[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, partition) for partition in partitions]


def _place(message: Message) -> tuple[int, int]:
    """Where a message, or the end of a partition, is; an error of the broker's is nowhere.

    Raises:
        LogError: what should be read next is gone.
        KafkaException: the broker refuses us for good.
    """
    error = message.error()
    partition, offset = message.partition() or 0, message.offset() or 0
    if error is None or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # the client's name for it
        return partition, offset
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
        raise LogError(f"{message.topic()}/{partition}: records were deleted while they were to be read; start again")
    raise_unless_transient(error)
    return partition, -1


@contextmanager
def _reader(settings: ConsumerSettings) -> Iterator[Consumer]:
    """A client that belongs to no group and commits nothing."""
    config = settings.consumer_config("person-changes-replay", f"{settings.consumer_group}-replay")
    with closing(Consumer(config)) as reader:
        yield reader
