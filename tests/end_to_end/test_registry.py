"""Publishers that use a Schema Registry: a real one, and Confluent's own serializer."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from local.process import Child
from schemas.codec import CONFLUENT_MARKER, Codec
from schemas.topics import company_key
from tests.support.changes import NOW, change
from tests.support.schema_registry import Registry, running_registry
from tests.support.system import System, wait_for

OURS = Codec("person_change").schema
TROUBLE = "the Schema Registry cannot do it now; trying again"
HEADERS: list[tuple[str, str | bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"e-unreadable"),
    ("ce_source", b"elsewhere"),
    ("ce_type", b"person.role_change"),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", b"vendor=1"),
    ("binary", b"\xff\x00"),
    ("empty", None),
]


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry, for the tests that need one."""
    with running_registry(tmp_path_factory.mktemp("registry")) as made:
        yield made


def theirs() -> dict[str, Any]:
    """Another team's version: its own namespace and order, a field and a symbol that we do not know, others missing."""
    schema = copy.deepcopy(OURS)
    fields = {field["name"]: field for field in schema["fields"]}
    fields["movement"]["type"]["symbols"].append("SECONDED")
    kept = [
        fields[name] for name in ("movement", "type", "source", "event_id", "occurred_at", "received_at", "company")
    ]
    person = fields["person"]
    person["type"][1]["fields"] = [f for f in person["type"][1]["fields"] if f["name"] in ("id", "title")]
    more = {"name": "confidence", "type": {"type": "array", "items": "double"}, "default": []}
    return {**schema, "namespace": "com.elsewhere", "fields": [more, *kept, person]}


def record(event_id: str, company: str, **more: Any) -> dict[str, Any]:
    """A change, as a publisher who has only the schema makes it."""
    told = {"event_id": event_id, "source": "elsewhere", "type": "person.role_change"}
    times = {"occurred_at": NOW, "received_at": NOW}
    return {**told, **times, "company": {"id": company}, "person": {"id": "p1", "title": "CRO"}, **more}


def serialized(url: str, topic: str, schema: Mapping[str, Any], value: Mapping[str, Any]) -> bytes:
    """As Confluent's own serializer does it, the schema registered on the way."""
    with SchemaRegistryClient({"url": url}) as client:
        serializer = AvroSerializer(client, json.dumps(schema))
        data = serializer(dict(value), SerializationContext(topic, MessageField.VALUE))
    assert isinstance(data, bytes)
    assert data[:1] == CONFLUENT_MARKER
    return data


def events(system: System, child: Child) -> list[str]:
    """What a process has logged."""
    return [line["event"] for line in system.log_lines(child)]


def publish(system: System, records: Mapping[str, bytes]) -> None:
    """Append values by company."""
    producer = Producer(system.consumer_settings().producer_config("elsewhere"))
    for company, value in records.items():
        producer.produce(system.topic, value, company_key(company), headers=HEADERS)
    assert producer.flush(30) == 0


def test_publishers_with_a_registry_are_read_and_what_is_broken_is_kept(system: System, registry: Registry) -> None:
    """Ours and another team's schema, beside single-object encoding; what cannot be read is kept with its headers."""
    with SchemaRegistryClient({"url": registry.url}) as client:
        text_id = client.register_schema(f"{system.topic}-text", Schema('"string"', "AVRO"))
    publish(
        system,
        {
            "acme": serialized(registry.url, f"{system.topic}-ours", OURS, record("e1", "acme", movement="JOINED")),
            "blue": serialized(
                registry.url, system.topic, theirs(), record("e2", "blue", movement="SECONDED", confidence=[0.5])
            ),
            "grey": b"\x00" + (123_456).to_bytes(4, "big") + b"abc",
            "pink": b"\x00" + text_id.to_bytes(4, "big") + b"\x06abc",
        },
    )
    system.publish([change("e3", "acme", "p2", title="Head of IT")])

    with system.consumer_here(schema_registry_url=registry.url):
        wait_for("end of the log", lambda: system.applied() == 5)

    assert system.query("SELECT company_id, person_id, title FROM roster ORDER BY 1, 2") == [
        ("acme", "p1", "CRO"),
        ("acme", "p2", "Head of IT"),
        ("blue", "p1", "CRO"),
    ]
    (grey, pink) = system.query("SELECT key, value, headers, reason FROM dead_letters ORDER BY key")
    assert "schema id 123456: the Schema Registry does not know it" in grey[3]
    assert "not a person_change in Avro" in pink[3]
    assert bytes(grey[1]) == b"\x00" + (123_456).to_bytes(4, "big") + b"abc"
    assert (
        grey[2]
        == pink[2]
        == [
            ["ce_specversion", "1.0"],
            ["ce_id", "e-unreadable"],
            ["ce_source", "elsewhere"],
            ["ce_type", "person.role_change"],
            ["traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"],
            ["tracestate", "vendor=1"],
            ["binary", None, "ff00"],
            ["empty", None],
        ]
    )


def test_a_registry_that_is_away_holds_records_up_and_loses_none(system: System, registry: Registry) -> None:
    """The consumer goes on polling, beyond max.poll.interval.ms; when the registry is back, all is applied."""
    publish(system, {"acme": serialized(registry.url, system.topic, OURS, record("e1", "acme"))})
    system.publish([change("e2", "blue")])
    impatient = json.dumps({"max.poll.interval.ms": 6000, "session.timeout.ms": 6000})
    with registry.away():
        consumer = system.start_consumer(
            SCHEMA_REGISTRY_URL=registry.url,
            GROUP_PROTOCOL="classic",
            KAFKA_CLIENT_CONFIG=impatient,
            BATCH_MAX_RECORDS="1",
        )
        wait_for("two attempts", lambda: events(system, consumer).count(TROUBLE) >= 2)
        assert system.applied() <= 1
        assert system.query("SELECT * FROM dead_letters") == []
    wait_for("end of the log", lambda: system.applied() == 2)
    assert not any("lost" in event for event in events(system, consumer))
    assert system.stop(consumer) == 0

    assert system.query("SELECT company_id FROM roster ORDER BY 1") == [("acme",), ("blue",)]
    assert system.query("SELECT * FROM dead_letters") == []


def test_without_a_registry_its_framing_is_refused_with_the_reason(system: System) -> None:
    """The setting is named by what is missing; the record waits as a dead letter until it is retried."""
    publish(system, {"acme": b"\x00\x00\x00\x00\x07abc"})
    with system.consumer_here():
        wait_for("end of the log", lambda: system.applied() == 1)

    [(reason,)] = system.query("SELECT reason FROM dead_letters")
    assert "no Schema Registry is configured" in reason
