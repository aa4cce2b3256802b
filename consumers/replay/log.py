"""Reads a part of the log, from here to there, without being a member of the consumer group."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from consumers.runtime.intake import LogError, raise_unless_transient, record_of
from consumers.runtime.records import Record
from consumers.settings import ConsumerSettings

CHUNK: Final = 2000
WAIT_S: Final = 0.2
ANSWER_S: Final = 15.0
Offsets = Mapping[int, int]
"""An offset by partition."""


def read_log(settings: ConsumerSettings, starts: Offsets, ends: Offsets) -> Iterator[list[Record]]:
    """The records from `starts` on that lie before `ends`, in offset order within each partition.

    Waits as long as the broker is away.

    Args:
        settings: where the log is.
        starts: the first offset to read; partitions that it does not name are not read.
        ends: the first offset not to read; it must be in the log already.

    Raises:
        LogError: a record that should be there was deleted meanwhile, or has not the broker's time.
        KafkaException: the broker refuses us for good.
    """
    unread = {partition for partition, start in starts.items() if start < ends.get(partition, 0)}
    if not unread:
        return
    with _reader(settings) as reader:
        reader.assign([TopicPartition(settings.person_changes_topic, p, starts[p]) for p in sorted(unread)])
        while unread:
            records = []
            for message in reader.consume(CHUNK, WAIT_S):
                partition, offset = _place(message)
                if message.error() is None and offset < ends[partition]:
                    records.append(record_of(message))
                if offset >= ends[partition] - (message.error() is None):
                    unread.discard(partition)
            yield records


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
