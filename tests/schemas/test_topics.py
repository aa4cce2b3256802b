"""A company lands on the same partition whichever language published it, under headers that anybody can read."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from schemas import topics
from schemas.events import Company, PersonChange
from schemas.settings import KafkaSettings
from schemas.topics import change_headers, company_key, is_tick, murmur2, partition_for, tick_headers

_PUBLISHED = [
    (b"21", -973932308),
    (b"foobar", -790332482),
    (b"a-little-bit-long-string", -985981536),
    (b"a-little-bit-longer-string", -1486304829),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
    (b"abc", 479470107),
]
"""Kafka's own UtilsTest.testMurmur2."""
_AWKWARD = ["0", "é", "ß", "日本", "😀", "e\u0301", "a b", "x" * 255, "acme:42", "\u200f", "Ünïted / Söns"]


@pytest.mark.parametrize(("key", "signed"), _PUBLISHED)
def test_the_hash_is_kafkas_own(key: bytes, signed: int) -> None:
    """The hash gives the values that Kafka's Java tests publish."""
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(("key", "signed"), _PUBLISHED)
@pytest.mark.parametrize("partitions", [1, 3, 12, 1000])
def test_the_partition_is_the_positive_hash_modulo_partitions(key: bytes, signed: int, partitions: int) -> None:
    """Java drops the sign bit before it divides; taking the absolute value would send half the keys elsewhere."""
    assert partition_for(key, partitions) == (signed & 0x7FFFFFFF) % partitions


def test_keys_spread_over_all_partitions() -> None:
    """No partition gets more than twice its share of a few thousand companies."""
    chosen = [partition_for(company_key(f"company-{n}"), 12) for n in range(6000)]
    assert {*chosen} == {*range(12)}
    assert max(chosen.count(p) for p in range(12)) < 1000


@pytest.mark.parametrize("company_id", ["c-1", *_AWKWARD])
def test_the_key_is_the_company_id_in_utf_8(company_id: str) -> None:
    """The key is the id's bytes and nothing else: no quotes, no normalisation, no case folding."""
    assert company_key(company_id) == company_id.encode("utf-8")


def _read_partitions(bootstrap: str, topic: str, partitions: int, count: int) -> dict[bytes, int]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: dict[bytes, int] = {}
    try:
        while len(found) < count:
            messages = consumer.consume(count, 15.0)
            assert messages, f"only {len(found)} of {count} keys arrived"
            for message in messages:
                if error := message.error():
                    raise KafkaException(error)
                key, partition = message.key(), message.partition()
                assert isinstance(key, bytes)
                assert partition is not None
                found[key] = partition
    finally:
        consumer.close()
    return found


def test_librdkafka_agrees_under_our_producers_settings(make_topic: Callable[..., str], kafka_bootstrap: str) -> None:
    """What our producer sends lies where `partition_for` says, so a record elsewhere is somebody else's mistake."""
    topic = make_topic(partitions=12)
    keys = [company_key(name) for name in [*_AWKWARD, *(f"company-{n}" for n in range(300))]]
    settings = KafkaSettings(kafka_bootstrap_servers=kafka_bootstrap)
    producer = Producer(settings.producer_config("test"))
    for key in keys:
        producer.produce(topic, value=b"x", key=key)
    assert producer.flush(30) == 0
    assert _read_partitions(kafka_bootstrap, topic, 12, len(keys)) == {key: partition_for(key, 12) for key in keys}


def test_no_override_changes_the_partitioner() -> None:
    """Law L3 rests on it: neither the environment nor a caller can choose another."""
    settings = KafkaSettings(kafka_client_config={"partitioner": "consistent_random", "acks": "1"})
    config = settings.producer_config("test", partitioner="random", acks=0, **{"enable.idempotence": False})
    assert (config["partitioner"], config["acks"], config["enable.idempotence"]) == ("murmur2_random", "all", True)


def test_a_change_carries_the_headers_of_cloudevents(change: PersonChange) -> None:
    """Any CloudEvents library recognises the record without decoding its value."""
    assert dict(change_headers(change)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"evt-1",
        "ce_source": b"acme",
        "ce_type": b"person.role_change",
        "ce_time": b"2025-10-10T12:00:00.000Z",
        "content-type": b"application/avro",
    }


def test_a_trace_is_passed_on_and_never_made_up(change: PersonChange) -> None:
    """The W3C trace context is there when the request had one, byte for byte, and only then."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert dict(change_headers(change, trace))["traceparent"] == trace.encode()
    assert "traceparent" not in dict(change_headers(change))


def test_headers_are_utf_8_and_each_is_there_once(change: PersonChange) -> None:
    """An id outside ASCII is written in UTF-8; no name comes twice, which readers would resolve differently."""
    headers = change_headers(replace(change, event_id="évt-😀", company=Company("c")), "t")
    assert dict(headers)["ce_id"] == "évt-😀".encode()
    names = sorted(name for name, _ in headers)
    assert all(one != other for one, other in pairwise(names))


def test_a_tick_is_known_by_its_header_and_its_missing_key() -> None:
    """Readers who are not interested in ticks tell them apart without decoding anything."""
    headers = [(name, value) for name, value in tick_headers("consumer-1", 0) if not isinstance(value, str)]
    assert dict(headers)["ce_type"] == b"clock.tick"
    assert dict(headers)["ce_source"] == b"consumer-1"
    assert dict(headers)["ce_time"] == b"1970-01-01T00:00:00.000Z"
    assert is_tick(None, headers)
    assert not is_tick(b"c-1", headers)
    assert not is_tick(b"", headers)


@pytest.mark.parametrize(
    "headers", [None, [], [("ce_type", b"person.promotion")], [("ce_type", None)], [("x", b"clock.tick")]]
)
def test_a_record_without_a_key_is_no_tick_by_itself(headers: list[tuple[str, bytes | None]] | None) -> None:
    """A producer who forgot the key gets a dead letter; it must not pass as the time of day."""
    assert not is_tick(None, headers)


def test_two_ticks_are_two_events() -> None:
    """Each tick has an id of its own."""
    assert dict(tick_headers("a", 1))["ce_id"] != dict(tick_headers("a", 1))["ce_id"]


def test_the_topics_are_named_as_the_contract_says() -> None:
    """Other teams read these names in the documentation."""
    assert (topics.PERSON_CHANGES, topics.BUYER_GROUP_UPDATES) == ("person-changes", "buyer-group-updates")
