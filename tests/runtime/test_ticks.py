"""Ticks: when one is needed, how often, and what it looks like in the log."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from consumers.runtime.assignment import Owned
from consumers.runtime.records import Record, read
from consumers.runtime.ticks import Ticker, needs_tick
from schemas.codec import Codec
from schemas.topics import is_tick

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


def test_one_tick_a_second_and_partition_reaches_its_partition(
    kafka_bootstrap: str, make_topic: Callable[..., str]
) -> None:
    """Asked ten times, sent once; without a key, marked by its header, and read as nothing but time."""
    topic, sent = make_topic(3), list[int]()
    producer = Producer({"bootstrap.servers": kafka_bootstrap})
    ticker = Ticker(producer, topic, "me", lambda: sent.append(1), clock=lambda: 5000)
    for _ in range(10):
        ticker.tick([replace(IDLE, partition=2), replace(IDLE, partition=1, next_due=9999)])
    ticker.close()

    reader = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    reader.assign([TopicPartition(topic, partition, 0) for partition in range(3)])
    message = reader.poll(10)
    assert message is not None
    assert reader.poll(0.3) is None
    reader.close()
    headers = message.headers() or []
    assert (message.partition(), message.key(), sent) == (2, None, [1])
    assert is_tick(message.key(), headers)  # type: ignore[arg-type]  # headers of records that were read are bytes
    assert Codec("tick").decode(message.value()) == {"sent_by": "me", "sent_at": 5000}
    record = Record(2, 0, 777, None, message.value(), headers)  # type: ignore[arg-type]  # the same
    assert read(record, 777).said is None
    assert read(record, 777).unreadable is None
