"""Ticks: when one is needed, how often, and what it looks like in the log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from consumers.runtime.assignment import Owned
from consumers.runtime.records import Record, read
from consumers.runtime.ticks import Ticker, needs_tick
from schemas.codec import Codec
from schemas.topics import is_tick
from tests.support.fatal import MOCK, fail_for_good

IDLE = Owned(0, position=5, at_end=True, due_known=True, next_due=1000)


@pytest.mark.parametrize(
    ("changed", "needed"),
    [
        ({}, True),
        ({"next_due": 1001}, False),
        ({"next_due": None}, False),
        ({"due_known": False}, False),
        ({"at_end": False}, False),
    ],
)
def test_a_tick_is_needed_when_something_is_due_where_nothing_arrives(changed: dict[str, object], needed: bool) -> None:
    """Else the records that arrive say what time it is."""
    assert needs_tick(replace(IDLE, **changed), 1000) is needed  # type: ignore[arg-type]  # the table names the fields


def test_the_first_tick_asks_for_the_time_and_the_next_wait_until_something_is_due(
    kafka_bootstrap: str, make_topic: Callable[..., str]
) -> None:
    """One partition is asked for all; then what is due gets a tick, once, and what is not does not."""
    topic, sent = make_topic(3), list[int]()
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    ticker = Ticker(producer, topic, "me", lambda: sent.append(1), clock=lambda: 5_000_000_000)
    late, early = replace(IDLE, partition=2, next_due=9_999_999_999_999), replace(IDLE, partition=1)
    for _ in range(10):
        ticker.tick([late, early])
    producer.flush()
    assert ends(kafka_bootstrap, topic) == {0: 0, 1: 0, 2: 1}
    for _ in range(10):
        ticker.tick([late, early])
    ticker.close()

    assert ends(kafka_bootstrap, topic) == {0: 0, 1: 1, 2: 1}
    assert sent == [1, 1]
    message = first(kafka_bootstrap, topic, 1)
    headers = message.headers() or []
    assert is_tick(message.key(), headers)  # type: ignore[arg-type]  # headers of records that were read are bytes
    assert Codec("tick").decode(message.value()) == {"sent_by": "me", "sent_at": 5000}
    record = Record(1, 0, 777, None, message.value(), headers)  # type: ignore[arg-type]  # the same
    assert read(record, 777).said is None
    assert read(record, 777).unreadable is None


def test_a_producer_that_failed_for_good_ends_the_loop_and_not_the_way_out() -> None:
    """Nobody is left without ticks by a consumer that goes on: its supervisor starts it anew."""
    producer = Producer({"bootstrap.servers": "", **MOCK, "enable.idempotence": True})
    ticker = Ticker(producer, "log", "me", lambda: None)
    ticker.wake([0])
    fail_for_good(producer)
    with pytest.raises(KafkaException, match="a gap"):
        ticker.tick([IDLE])
    ticker.close()


def test_a_producer_that_fails_at_the_stop_does_not_disturb_it() -> None:
    """A tick that is lost is followed by another, by whoever has the partition next."""
    producer = Producer({"bootstrap.servers": "", **MOCK, "enable.idempotence": True})
    ticker = Ticker(producer, "log", "me", lambda: None)
    ticker.wake([0])
    fail_for_good(producer)
    ticker.close()


class Mute:
    """A producer whose broker answers nothing."""

    def __init__(self) -> None:
        self.partitions: list[int] = []

    def produce(self, topic: str, *, partition: int, **_: Any) -> None:
        """Remember for which partition."""
        assert topic == "log"
        self.partitions.append(partition)

    def poll(self, _: float) -> int:
        """Nothing is answered."""
        return 0


def test_who_is_not_told_the_time_asks_another_partition_a_second_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader of one may be away; all together are asked once a second, and none twice before it answers."""
    now, mute = [100.0], Mute()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    ticker = Ticker(mute, "log", "me", lambda: None)  # type: ignore[arg-type]  # of a producer it needs no more
    waiting = [replace(IDLE, partition=partition) for partition in (0, 1, 2)]
    for _ in range(100):
        ticker.tick(waiting)
        now[0] += 0.05

    assert mute.partitions == [0, 1, 2]


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The log's end by partition."""
    with reader(bootstrap, topic) as consumer:
        return {p: consumer.get_watermark_offsets(TopicPartition(topic, p))[1] for p in range(3)}


def first(bootstrap: str, topic: str, partition: int) -> Message:
    """The first record of a partition."""
    with reader(bootstrap, topic) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0)])
        message = consumer.poll(10)
        assert message is not None
        return message


@contextmanager
def reader(bootstrap: str, topic: str) -> Iterator[Consumer]:
    """A consumer that belongs to nobody."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    try:
        yield consumer
    finally:
        consumer.close()
