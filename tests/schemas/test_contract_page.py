"""docs/contract.md says what the code does."""

import re
from pathlib import Path

import pytest

from schemas.codec import CONFLUENT_MARKER, MARKER
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
    TICK_TYPE,
    UPDATE_SOURCE,
    UPDATE_TYPE,
    change_headers,
    update_headers,
)

PAGE = (Path(__file__).parents[2] / "docs" / "contract.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section {title}"
    return found[1]


def rows(title: str) -> dict[str, str]:
    """The first table of a section, by the text of its first column."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section(title).splitlines() if line.startswith("|")]
    return {line[0].strip(): "|".join(line[1:]).strip() for line in lines}


def quoted(text: str) -> list[str]:
    """What stands in code quotes."""
    return re.findall(r"`([^`]+)`", text)


def test_topics_and_producer_settings_are_those_of_the_code() -> None:
    """A publisher who sets what the table says is set as ours is."""
    publish, receive = rows("Publish a change"), rows("Receive updates")
    producer = KafkaSettings.model_construct(kafka_client_config={}).producer_config("test")

    assert quoted(publish["topic"])[0] == PERSON_CHANGES
    assert quoted(receive["topic"])[0] == BUYER_GROUP_UPDATES
    assert quoted(publish["partitioner"])[0] == producer["partitioner"]
    assert quoted(publish["acknowledgement"]) == [
        f"acks={producer['acks']}",
        f"enable.idempotence={str(producer['enable.idempotence']).lower()}",
    ]
    for name in (*quoted(publish["topic"])[1:], *quoted(receive["topic"])[1:]):
        assert name.lower() in KafkaSettings.model_fields


def test_framings_are_told_apart_by_the_bytes_of_the_code() -> None:
    """And the settings of the registry exist."""
    said = section("Framing")

    assert f"`{MARKER.hex(' ').upper()}`" in said
    assert f"`{CONFLUENT_MARKER.hex()}`" in said
    assert {name.lower() for name in quoted(said) if name.isupper() and "_" in name} == {*RegistrySettings.model_fields}


def test_headers_are_those_that_are_sent(change: PersonChange) -> None:
    """In the order in which they are sent; those of updates too."""
    assert [quoted(name)[0] for name in rows("Headers") if name.startswith("`")] == [
        name for name, _ in change_headers(change, "00-…")
    ]
    receive = rows("Receive updates")["headers"]
    assert [name for name in quoted(receive) if name.startswith(("ce_", "content"))] == [
        name for name, _ in update_headers("w", "c", 1, 0)
    ]
    assert {UPDATE_SOURCE, UPDATE_TYPE} <= {*quoted(receive)}
    assert f"`ce_type: {TICK_TYPE}`" in section("Ticks")


def test_types_and_aliases_are_those_of_the_code() -> None:
    """Each type has a line, each alias stands with its type."""
    said = {quoted(name)[0]: text for name, text in rows("Types").items() if name.startswith("`")}

    assert list(said) == [str(kind) for kind in ChangeType]
    for alias, kind in TYPE_ALIASES.items():
        assert f"alias `{alias}`" in said[kind]


@pytest.mark.parametrize(
    ("row", "limit"),
    [
        ("ids, `source` and `type`", f"{MAX_ID_BYTES} bytes"),
        ("texts", f"{MAX_TEXT_BYTES} bytes"),
        ("`changes`", f"{MAX_CHANGED_FIELDS} fields"),
    ],
)
def test_limits_are_those_of_the_code(row: str, limit: str) -> None:
    """The numbers in the table are the constants."""
    assert rows("Fields")[row].startswith(limit)
