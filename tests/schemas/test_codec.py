"""What goes over the wire comes back as it was, framed as the Avro specification says."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from hypothesis import given

from schemas import codec as codec_module
from schemas.codec import Codec, change_codec, decode_change, encode_change
from schemas.events import MAX_LEAD_MS, Company, InvalidChangeError, Movement, Person, PersonChange
from tests.support.contract import valid_changes

_CRC_EMPTY = 0xC15D213AA4D7A795
_KEPT = ("name", "type", "fields", "symbols", "items", "values", "size")
_NAMED = {"record", "enum", "fixed"}


def _crc64(data: bytes) -> bytes:
    """CRC-64-AVRO bit by bit, as the specification's Java does it with a table; little-endian."""
    crc = _CRC_EMPTY
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_CRC_EMPTY if crc & 1 else 0)
    return crc.to_bytes(8, "little")


def _canonical(node: Any, space: str = "") -> Any:
    """Parsing Canonical Form by the specification's rules: PRIMITIVES, FULLNAMES, STRIP, ORDER."""
    if isinstance(node, list):
        return [_canonical(branch, space) for branch in node]
    if isinstance(node, str):
        return f"{space}.{node}" if node[0].isupper() else node
    if node["type"] not in {*_NAMED, "array", "map"}:
        return node["type"]
    space = node.get("namespace", space)
    out: dict[str, Any] = {}
    for key in _KEPT:
        if key == "name" and key in node:
            out[key] = f"{space}.{node['name']}"
        elif key == "fields" and key in node:
            out[key] = [{"name": f["name"], "type": _canonical(f["type"], space)} for f in node[key]]
        elif key in ("items", "values") and key in node:
            out[key] = _canonical(node[key], space)
        elif key in node:
            out[key] = node[key]
    return out


def _fingerprint(schema: dict[str, Any]) -> bytes:
    return _crc64(json.dumps(_canonical(schema), ensure_ascii=False, separators=(",", ":")).encode())


@given(valid_changes())
def test_a_change_survives_the_wire_in_every_field(change: PersonChange) -> None:
    """Whatever a valid change holds, decoding what was encoded gives an equal change."""
    assert decode_change(encode_change(change)) == change


@pytest.mark.parametrize("movement", Movement)
def test_every_movement_survives_the_wire(change: PersonChange, movement: Movement) -> None:
    """No movement turns into another one on the way."""
    sent = PersonChange(**{**_fields(change), "movement": movement})
    assert decode_change(encode_change(sent)).movement is movement


def _fields(change: PersonChange) -> dict[str, Any]:
    return {name: getattr(change, name) for name in PersonChange.__slots__}


@pytest.mark.parametrize(
    ("schema", "value"),
    [('"null"', 7195948357588979594), ('"int"', 8247732601305521295), ('"boolean"', -6970731678124411036)],
)
def test_the_reference_crc_gives_the_published_vectors(schema: str, value: int) -> None:
    """The algorithm that the fingerprints are checked against is Avro's own (vectors of its schema-tests.txt)."""
    assert _crc64(schema.encode()) == value.to_bytes(8, "little", signed=True)


_RECORDS: dict[str, dict[str, Any]] = {
    "person_change": {"event_id": "e", "source": "s", "type": "t", "occurred_at": 1, "received_at": 2}
    | {"company": {"id": "c"}},
    "buyer_group_updated": {"workspace_id": "w", "company_id": "c", "version": 1, "refreshed_at": 2}
    | {"cause": {"kind": "CHANGES"}, "changes": []},
    "tick": {"sent_at": 1, "sent_by": "me"},
}


@pytest.mark.parametrize("name", _RECORDS)
def test_a_value_starts_with_the_single_object_header(name: str, schema_folder: Path) -> None:
    """C3 01 and the CRC-64-AVRO of the schema's canonical form come first, so any Avro library finds the schema."""
    schema = json.loads((schema_folder / f"{name}.avsc").read_text("utf-8"))
    assert Codec(name).encode(_RECORDS[name])[:10] == b"\xc3\x01" + _fingerprint(schema)


def test_the_body_is_plain_avro_in_the_writers_schema(change: PersonChange, schema_folder: Path) -> None:
    """Another Avro reader, given the .avsc, reads what follows the header, with times as times."""
    schema = fastavro.parse_schema(json.loads((schema_folder / "person_change.avsc").read_text("utf-8")))
    record: Any = fastavro.schemaless_reader(io.BytesIO(encode_change(change)[10:]), schema, None)
    assert record["event_id"] == change.event_id
    assert record["occurred_at"].isoformat() == "2025-10-10T12:00:00+00:00"


def test_what_the_first_release_wrote_is_read_for_ever(change: PersonChange) -> None:
    """A record written by the first version of the schema, byte for byte, stays readable."""
    written = bytes.fromhex(
        "c30116d86894057f8e550265027324706572736f6e2e726f6c655f6368616e67650204026300000000060202700000000000000000"
        "00000000"
    )
    expected = PersonChange(
        "e", "s", "person.role_change", 1, 2, Company("c"), movement=Movement.LEFT, person=Person("p")
    )
    assert decode_change(written) == expected
    assert change != expected


def test_a_change_that_breaks_a_limit_is_not_written(change: PersonChange) -> None:
    """The producer's side refuses what the consumer's side would have to bury."""
    with pytest.raises(InvalidChangeError, match=r"^id: must not be empty"):
        encode_change(PersonChange(**{**_fields(change), "event_id": " "}))


def test_a_change_that_breaks_a_limit_is_not_read(change: PersonChange) -> None:
    """What somebody published straight to the topic is held against the same limits."""
    record = change_codec().decode(encode_change(change))
    with pytest.raises(InvalidChangeError, match=r"^timestamp: is more than a day in the future"):
        decode_change(change_codec().encode({**record, "occurred_at": record["received_at"] + MAX_LEAD_MS + 1}))


@pytest.fixture
def newer_writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Codec]:
    """A codec of a version yet to come, with a fifth movement and one more field; ours knows it as released."""
    newer = json.loads(json.dumps(change_codec().schema))
    fields = {field["name"]: field for field in newer["fields"]}
    fields["movement"]["type"]["symbols"].append("SECONDED")
    newer["fields"].append({"name": "confidence", "type": ["null", "double"], "default": None})
    versions = [change_codec().schema, newer]
    monkeypatch.setattr(codec_module, "_released", lambda _: versions[::-1])
    writer = Codec("person_change")
    monkeypatch.setattr(codec_module, "_released", lambda _: versions)
    change_codec.cache_clear()
    yield writer
    change_codec.cache_clear()


def test_a_movement_of_a_newer_writer_reads_as_unknown(newer_writer: Codec, change: PersonChange) -> None:
    """A symbol that we do not know yet is UNKNOWN, never an error, and the rest of the change counts."""
    record = change_codec().decode(encode_change(change))
    read = decode_change(newer_writer.encode({**record, "movement": "SECONDED", "confidence": 0.5}))
    assert read == PersonChange(**{**_fields(change), "movement": Movement.UNKNOWN})


def test_a_known_movement_of_a_newer_writer_stays(newer_writer: Codec, change: PersonChange) -> None:
    """A newer version of the schema changes nothing of what it has in common with ours."""
    record = change_codec().decode(encode_change(change))
    assert decode_change(newer_writer.encode({**record, "movement": "LEFT"})).movement is Movement.LEFT
