"""A Java service, with nothing but Kafka's defaults, puts a company on the partition that we compute."""

import subprocess
import uuid
from collections.abc import Callable, Iterable

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from local.jars import java_binary, kafka_classpath
from schemas.settings import KafkaSettings
from schemas.topics import company_key, partition_for

_PARTITIONS = 12
_AWKWARD = [
    "",
    "0",
    "é",
    "e\u0301",  # the same letter for a person, another key for Kafka
    "ß",
    "日本電気",
    "😀",
    "👩‍👩‍👧",
    "\u202eabc",
    "\ufeffbom",
    " leading and trailing ",
    "a" * 255,
    "é" * 127,
    "acme:42",
    'quo"ted',
    "back\\slash",
    "null",
]
_KEYS = [
    *_AWKWARD,
    *(chr(code) for code in range(ord("A"), ord("Z"))),
    *("x" * n + "ü" * (n % 4) for n in range(2, 162)),
]


def _publish_with_java(bootstrap: str, topic: str, keys: Iterable[str]) -> None:
    """Kafka's own console producer, as it comes, reading `key TAB value` lines."""
    done = subprocess.run(
        [
            *(java_binary(), "-Xshare:auto", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            *("-Dfile.encoding=UTF-8", "-Dstdin.encoding=UTF-8", "-cp", kafka_classpath()),
            *("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", bootstrap, "--topic", topic),
            *("--reader-property", "parse.key=true", "--reader-property", "key.separator=\t"),
        ],
        input="".join(f"{key}\tjava\n" for key in keys).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def _publish_with_librdkafka(bootstrap: str, topic: str, keys: Iterable[str]) -> None:
    producer = Producer(KafkaSettings(kafka_bootstrap_servers=bootstrap).producer_config("test"))
    for key in keys:
        producer.produce(topic, value=b"librdkafka", key=company_key(key))
    assert producer.flush(30) == 0


def _read(bootstrap: str, topic: str, count: int) -> list[tuple[bytes | None, bytes | None, int | None]]:
    """(value, key, partition) of `count` records."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(_PARTITIONS)])
    found: list[tuple[bytes | None, bytes | None, int | None]] = []
    try:
        while len(found) < count:
            messages = consumer.consume(count - len(found), 15.0)
            assert messages, f"only {len(found)} of {count} records arrived"
            for message in messages:
                if error := message.error():
                    raise KafkaException(error)
                found.append((message.value(), message.key(), message.partition()))
    finally:
        consumer.close()
    return found


def test_java_librdkafka_and_our_function_choose_the_same_partition(
    make_topic: Callable[..., str], kafka_bootstrap: str
) -> None:
    """Whoever publishes a company's changes, in whichever language, they meet in one partition, in order (L3)."""
    assert len(_KEYS) == len({*_KEYS}) >= 200
    topic = make_topic(partitions=_PARTITIONS)
    _publish_with_java(kafka_bootstrap, topic, _KEYS)
    _publish_with_librdkafka(kafka_bootstrap, topic, _KEYS)
    found = _read(kafka_bootstrap, topic, 2 * len(_KEYS))
    expected = {company_key(key): partition_for(company_key(key), _PARTITIONS) for key in _KEYS}
    for writer in (b"java", b"librdkafka"):
        assert {key: partition for value, key, partition in found if value == writer} == expected
    assert {*expected.values()} == {*range(_PARTITIONS)}
