"""The description for other teams says what the code does."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.buyer_group import Kind
from schemas.admin import HOUR_MS
from schemas.codec import CONFLUENT_MARKER, MARKER, Codec
from schemas.events import (
    MAX_CHANGED_FIELDS,
    MAX_ID_BYTES,
    MAX_TEXT_BYTES,
    TYPE_ALIASES,
    ChangeType,
    PersonChange,
)
from schemas.settings import KafkaSettings, RegistrySettings
from schemas.topics import (
    BUYER_GROUP_UPDATES,
    PERSON_CHANGES,
    PERSON_HINTS,
    Headers,
    change_headers,
    hint_key,
    tick_headers,
    update_headers,
)

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_FILES = {
    "PersonChange": "person_change",
    "Tick": "tick",
    "BuyerGroupUpdated": "buyer_group_updated",
    "PersonHint": "person_hint",
}


@pytest.fixture(scope="module")
def described(schema_folder: Path) -> dict[str, Any]:
    """The document."""
    document: dict[str, Any] = yaml.safe_load((schema_folder / "asyncapi.yaml").read_text("utf-8"))
    return document


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for item in node:
            yield from _references(item)


def _resolve(document: dict[str, Any], reference: str) -> Any:
    """What a local reference names; a KeyError when it names nothing."""
    node: Any = document
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    return _resolve(document, node["$ref"]) if set(node) == {"$ref"} else node


def test_it_is_asyncapi_3(described: dict[str, Any]) -> None:
    """Tools that read AsyncAPI 3 read it."""
    assert described["asyncapi"] == "3.0.0"
    assert {"info", "channels", "operations", "components"} <= set(described)


def test_every_reference_leads_somewhere(described: dict[str, Any], schema_folder: Path) -> None:
    """Neither a part of the document nor a schema file is named that does not exist."""
    references = list(_references(described))
    assert len(references) > 10
    for reference in references:
        if reference.startswith("#/"):
            assert _resolve(described, reference)
        else:
            assert (schema_folder / reference).is_file(), reference


@pytest.mark.parametrize(
    ("channel", "name", "messages"),
    [
        ("personChanges", PERSON_CHANGES, ["PersonChange", "Tick"]),
        ("buyerGroupUpdates", BUYER_GROUP_UPDATES, ["BuyerGroupUpdated"]),
        ("personHints", PERSON_HINTS, ["PersonHint"]),
    ],
)
def test_the_topics_are_those_that_are_made(
    described: dict[str, Any], channel: str, name: str, messages: list[str]
) -> None:
    """Name, partitions, retention and clean-up are the settings' defaults."""
    settings = KafkaSettings.model_construct()
    found = described["channels"][channel]
    kafka = found["bindings"]["kafka"]
    assert found["address"] == kafka["topic"] == name
    assert kafka["partitions"] == settings.topic_partitions
    retention = settings.topic_retention_hours * HOUR_MS
    assert kafka["topicConfiguration"] == {"cleanup.policy": ["delete"], "retention.ms": retention}
    assert list(found["messages"]) == messages


def test_there_are_no_other_channels(described: dict[str, Any]) -> None:
    """All topics are described, and nothing that does not exist."""
    assert set(described["channels"]) == {"personChanges", "buyerGroupUpdates", "personHints"}


def test_the_local_server_is_where_the_settings_look(described: dict[str, Any]) -> None:
    """Who follows the document on one machine finds the broker."""
    found = described["servers"]["local"]
    assert (found["host"], found["protocol"]) == (KafkaSettings.model_construct().kafka_bootstrap_servers, "kafka")


def test_every_message_is_sent_or_received(described: dict[str, Any]) -> None:
    """Each message of each channel has an operation that says who may send it."""
    operations = described["operations"].values()
    told = {message["$ref"] for operation in operations for message in operation["messages"]}
    there = {
        f"#/channels/{channel}/messages/{message}"
        for channel, content in described["channels"].items()
        for message in content["messages"]
    }
    assert told == there
    assert all("Who may send" in operation["description"] for operation in operations)
    assert {name: operation["action"] for name, operation in described["operations"].items()} == {
        "receivePersonChange": "receive",
        "tick": "send",
        "sendBuyerGroupUpdated": "send",
        "receivePersonHint": "receive",
    }


@pytest.mark.parametrize("message", _FILES)
def test_the_payload_is_the_schema_that_is_written(
    described: dict[str, Any], schema_folder: Path, message: str
) -> None:
    """A message's name is its record's name, and its payload the file that the codec writes with."""
    found = described["components"]["messages"][message]
    assert found["name"] == message
    assert found["contentType"] == described["defaultContentType"] == "application/avro"
    assert found["payload"]["schemaFormat"] == "application/vnd.apache.avro;version=1.9.0"
    assert found["payload"]["schema"] == {"$ref": f"{_FILES[message]}.avsc"}
    schema = json.loads((schema_folder / found["payload"]["schema"]["$ref"]).read_text("utf-8"))
    assert schema["name"] == message
    assert schema == Codec(_FILES[message]).schema


def test_all_messages_are_described(described: dict[str, Any], schema_folder: Path) -> None:
    """A new schema in the folder without a message here is an omission."""
    assert set(described["components"]["messages"]) == set(_FILES)
    assert {path.stem for path in schema_folder.glob("*.avsc")} == set(_FILES.values())


@pytest.mark.parametrize(
    ("message", "key"), [("PersonChange", "company.id"), ("Tick", None), ("BuyerGroupUpdated", "company_id")]
)
def test_the_key_is_a_field_of_the_value(described: dict[str, Any], message: str, key: str | None) -> None:
    """Where a record has a key, the document says from which field; a tick has none."""
    found = described["components"]["messages"][message]
    assert found.get("x-key-field") == key
    assert ("bindings" in found) == (key is not None)
    if key is not None:
        binding = found["bindings"]["kafka"]["key"]
        assert f"The field {key}, in UTF-8." in binding["description"]
        assert binding["maxLength"] == MAX_ID_BYTES
        fields: Any = Codec(_FILES[message]).schema["fields"]
        for step in key.split("."):
            field = next(field for field in fields if field["name"] == step)
            fields = field["type"]["fields"] if isinstance(field["type"], dict) else []


def test_the_key_of_a_hint_is_who_says_it_of_whom(described: dict[str, Any]) -> None:
    """Source and person, joined as the description says; room for two of the longest ids."""
    found = described["components"]["messages"]["PersonHint"]
    binding = found["bindings"]["kafka"]["key"]

    assert found["x-key-fields"] == ["source", "person.id"]
    assert "joined by a slash" in binding["description"]
    assert hint_key("hubspot", "42") == b"hubspot/42"
    assert binding["maxLength"] == 2 * MAX_ID_BYTES + 1


def test_what_hints_and_changes_share_is_the_same(schema_folder: Path) -> None:
    """A person, a movement and a field's change are one type in both schemas, so generated classes are one as well."""

    def named(node: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(node, dict):
            if "name" in node and node.get("type") in ("record", "enum"):
                yield node["name"], node
            for value in node.values():
                yield from named(value)
        elif isinstance(node, list):
            for item in node:
                yield from named(item)

    change, hint = (
        dict(named(json.loads((schema_folder / f"{name}.avsc").read_text())))
        for name in ("person_change", "person_hint")
    )
    shared = set(change) & set(hint)
    assert shared == {"Person", "Movement", "FieldChange"}
    assert all(change[name] == hint[name] for name in shared)


def _hold_headers(described: dict[str, Any], schema: str, headers: Headers, message: str) -> None:
    found = described["components"]["schemas"][schema]
    sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in headers}
    assert list(sent) == [name for name in found["properties"] if name in sent]
    assert set(found["required"]) == set(sent) - {"traceparent"}
    record = Codec(_FILES[message]).schema
    for name, rule in found["properties"].items():
        if field := re.fullmatch(r"The field (\w+)\.", rule.get("description", "")):
            assert field[1] in {f["name"] for f in record["fields"]}
        if "const" in rule:
            assert sent[name] == rule["const"]
        if "pattern" in rule:
            assert re.search(rule["pattern"], sent[name] or "")
        if rule.get("format") == "date-time":
            assert datetime.fromisoformat(sent[name] or "").tzinfo is not None


def test_the_headers_of_a_change_are_those_that_are_sent(described: dict[str, Any], change: PersonChange) -> None:
    """Names, order, constants and formats of the headers are the publisher's; only the trace may be missing."""
    _hold_headers(described, "ChangeHeaders", change_headers(change, _TRACE), "PersonChange")
    assert set(described["components"]["schemas"]["ChangeHeaders"]["properties"]) == {
        name for name, _ in change_headers(change, _TRACE)
    }


def test_the_headers_of_a_tick_are_those_that_are_sent(described: dict[str, Any]) -> None:
    """The header by which ticks are told apart is described as it is sent."""
    _hold_headers(described, "TickHeaders", tick_headers("consumer-1", 0), "Tick")


def test_the_headers_of_an_update_are_those_that_are_sent(described: dict[str, Any]) -> None:
    """Another team may route by them."""
    _hold_headers(described, "UpdateHeaders", update_headers("w", "c", 1, 0), "BuyerGroupUpdated")


def test_types_and_aliases_are_those_of_the_code(described: dict[str, Any]) -> None:
    """A sender who copies a type from the document is understood."""
    found = described["components"]["messages"]["PersonChange"]
    assert found["x-types"] == [str(kind) for kind in ChangeType]
    assert found["x-type-aliases"] == {alias: str(kind) for alias, kind in TYPE_ALIASES.items()}


def test_limits_are_those_of_the_code(described: dict[str, Any]) -> None:
    """The numbers in the prose are the constants."""
    said = described["components"]["messages"]["PersonChange"]["description"]
    assert f"at most {MAX_ID_BYTES} bytes" in " ".join(said.split())
    assert f"texts at most {MAX_TEXT_BYTES} bytes" in " ".join(said.split())
    assert f"`changes` at most {MAX_CHANGED_FIELDS} fields" in " ".join(said.split())


def test_kinds_are_those_that_are_told(described: dict[str, Any]) -> None:
    """The closed list is the code's, in its order."""
    assert described["components"]["messages"]["BuyerGroupUpdated"]["x-kinds"] == list(Kind)


def test_framing_and_partitioner_are_explained(described: dict[str, Any]) -> None:
    """Another team can write a producer from the document alone."""
    said = " ".join(described["info"]["description"].split())
    assert f"`{MARKER.hex(' ').upper()}`" in said
    assert f"`{CONFLUENT_MARKER.hex()}`" in said
    assert "SCHEMA_REGISTRY_URL" in said
    assert "schema_registry_url" in RegistrySettings.model_fields
    producer = KafkaSettings.model_construct(kafka_client_config={}).producer_config("test")
    assert f"`partitioner={producer['partitioner']}`" in said
    assert f"`acks={producer['acks']}`" in said
    assert f"`enable.idempotence={str(producer['enable.idempotence']).lower()}`" in said
