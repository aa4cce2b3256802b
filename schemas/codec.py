"""The framings of the contract's records, read with fastavro; what is written at every webhook, by `schemas.writer`.

Single-object encoding, the default: a value starts with ``C3 01`` and the little-endian CRC-64-AVRO fingerprint of its
writer's schema (Avro 1.12 specification, "Single-object encoding"), so a reader needs no registry: every released
schema lies beside this file. Confluent wire format: it starts with ``00`` and the schema's id in a registry, 4 bytes,
big-endian.
"""

import io
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, Protocol

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.events import (
    Company,
    FieldChange,
    Movement,
    Person,
    PersonChange,
    validate_change,
)
from schemas.reader import read_change
from schemas.writer import Write, writer_of

MARKER: Final = b"\xc3\x01"
CONFLUENT_MARKER: Final = b"\x00"
HEADER_BYTES: Final = 10
CONFLUENT_HEADER_BYTES: Final = 5
# What a reader of broken bytes, or of a foreign schema's, is known to raise.
_BROKEN: Final = (
    *(EOFError, ValueError, IndexError, OverflowError, TypeError, MemoryError, KeyError, AttributeError),
    *(RecursionError, SchemaResolutionError),
)


class UndecodableError(ValueError):
    """Bytes that are no record of this schema; the message says what was found."""


class Codec:
    """Encodes with the current version of one schema, decodes every released version of it.

    Args:
        name: file name of the schema in this folder, without ``.avsc``.
    """

    def __init__(self, name: str) -> None:
        versions = _released(name)
        self.name = name
        self.schema = versions[0]
        self._prefix = MARKER + _fingerprint(self.schema)
        self._parsed = fastavro.parse_schema(_plain(self.schema))
        self._writers = {_fingerprint(v): fastavro.parse_schema(_plain(v)) for v in versions}

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Bytes of a record in the current version.

        Raises:
            ValueError: the record does not fit the schema.
        """
        out = io.BytesIO()
        out.write(self._prefix)
        fastavro.schemaless_writer(out, self._parsed, record)
        return out.getvalue()

    def writer(self) -> Write:
        """What writes values of our own classes as `encode` does dictionaries, at a fraction of the cost.

        Raises:
            UnwritableError: the schema has what our writer does not know.
        """
        prefix, write = self._prefix, writer_of(self.schema)
        return lambda value: prefix + write(value)

    def decode(self, data: bytes | None) -> dict[str, Any]:
        """The record in bytes of any released version; times are integers in ms.

        Raises:
            UndecodableError: no such bytes; the message names what was found instead.
        """
        if data is None:
            raise UndecodableError("no value (a tombstone); this topic keeps changes, not states")
        return self._read(data, HEADER_BYTES, self._writer_of(data))

    def decode_foreign(self, data: bytes, writer: Any) -> dict[str, Any]:
        """The record in the Confluent wire format.

        Args:
            data: with its header.
            writer: the schema of its id, from `parse_foreign`.

        Raises:
            UndecodableError: the bytes are not that schema's, or its records cannot be read as ours.
        """
        return self._read(data, CONFLUENT_HEADER_BYTES, writer)

    def _read(self, data: bytes, start: int, writer: Any) -> dict[str, Any]:
        body = io.BytesIO(data)
        body.seek(start)
        try:
            reader = None if writer is self._writers[self._prefix[2:]] else self._parsed
            record = fastavro.schemaless_reader(body, writer, reader)
        except _BROKEN as error:
            raise UndecodableError(f"not a {self.name} in Avro: {type(error).__name__}: {error}") from error
        if body.tell() != len(data):
            raise UndecodableError(f"{len(data) - body.tell()} bytes follow the {self.name}")
        return record  # type: ignore[return-value]  # a record schema reads as a dict

    def _writer_of(self, data: bytes) -> Any:
        if is_confluent(data):
            raise UndecodableError("Confluent wire format (first byte 00), but no Schema Registry is configured")
        if data[:2] != MARKER:
            raise UndecodableError(f"starts with {data[:2].hex(' ') or 'nothing'}, not with C3 01 (Avro single object)")
        if (writer := self._writers.get(data[2:HEADER_BYTES])) is None:
            raise UndecodableError(f"schema fingerprint {data[2:HEADER_BYTES].hex()} is no released {self.name}")
        return writer


def encode_change(change: PersonChange) -> bytes:
    """A change as bytes for the topic.

    Raises:
        InvalidChangeError: the change breaks a limit of the contract.
    """
    return encode_valid_change(validate_change(change))


def encode_valid_change(change: PersonChange) -> bytes:
    """The same for a change that `validate_change` has let pass already."""
    return _change_writer()(change)


class Registry(Protocol):
    """Where the schemas of the Confluent wire format are."""

    def writer(self, schema_id: int) -> Any:
        """A schema, ready for `Codec.decode_foreign`.

        Raises:
            UndecodableError: the registry has no Avro schema of this id.
        """


def decode_change(data: bytes | None, registry: Registry | None = None) -> PersonChange:
    """The change in a record's value, in either framing.

    Args:
        data: the value.
        registry: asked for the schema of a value in the Confluent wire format; its outages pass through.

    Raises:
        UndecodableError: the bytes are no change of any released version, nor of a registered one that reads as ours.
        InvalidChangeError: they are, but the change breaks a limit of the contract.
    """
    if data is not None and (change := read_change(data)) is not None:
        return change
    return validate_change(decode_unvalidated(data, registry))


def decode_unvalidated(data: bytes | None, registry: Registry | None = None) -> PersonChange:
    """The change in a record's value, whether or not it keeps to the limits of the contract.

    Args:
        data: the value.
        registry: see `decode_change`.

    Raises:
        UndecodableError: see `decode_change`.
    """
    codec = change_codec()
    if data is not None and registry is not None and is_confluent(data):
        return _to_change(codec.decode_foreign(data, registry.writer(schema_id_of(data))))
    return _to_change(codec.decode(data))


def is_confluent(data: bytes | None) -> bool:
    """Whether a value is in the Confluent wire format."""
    return data is not None and data[:1] == CONFLUENT_MARKER


def schema_id_of(data: bytes) -> int:
    """The schema id of a value in the Confluent wire format.

    Raises:
        UndecodableError: it is too short to have one.
    """
    if len(data) < CONFLUENT_HEADER_BYTES:
        raise UndecodableError("Confluent wire format (first byte 00), but without a schema id")
    return int.from_bytes(data[1:CONFLUENT_HEADER_BYTES], "big")


def parse_foreign(schema: Any, named: dict[str, Any]) -> Any:
    """A registered schema, as JSON says it, ready for reading.

    Args:
        schema: what `json.loads` made of it.
        named: the types that it refers to, by full name; its own are added.

    Raises:
        UndecodableError: it is no Avro schema.
    """
    try:
        return fastavro.parse_schema(_plain(schema), named)
    except Exception as error:
        raise UndecodableError(f"its schema cannot be used: {type(error).__name__}: {error}") from error


@cache
def change_codec() -> Codec:
    """The codec of ``person_change.avsc``."""
    return Codec("person_change")


@cache
def _change_writer() -> Write:
    return change_codec().writer()


def _to_change(record: dict[str, Any]) -> PersonChange:
    person, other, changes = record["person"], record["other_company"], record["changes"]
    return PersonChange(
        event_id=record["event_id"],
        source=record["source"],
        type=record["type"],
        occurred_at=record["occurred_at"],
        received_at=record["received_at"],
        company=Company(**record["company"]),
        movement=_MOVEMENTS[record["movement"]],
        person=Person(**person) if person else None,
        other_company=Company(**other) if other else None,
        changes={name: FieldChange(**value) for name, value in changes.items()} if changes else {},
        workspace_id=record["workspace_id"],
        requested_by=record["requested_by"],
        role=record["role"],
    )


_MOVEMENTS: Final = {movement.value: movement for movement in Movement}


def _released(name: str) -> list[dict[str, Any]]:
    """The current schema first, then the older versions, ``released/<name>-<n>.avsc``."""
    folder = resources.files("schemas")
    older = folder / "released"
    paths = [folder / f"{name}.avsc"]
    if older.is_dir():
        paths += sorted((p for p in older.iterdir() if p.name.startswith(f"{name}-")), key=lambda p: p.name)
    return [json.loads(path.read_text("utf-8")) for path in paths]


def _fingerprint(schema: dict[str, Any]) -> bytes:
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


def _plain(node: Any) -> Any:
    """The schema without logical types: times stay integers, which costs a tenth and cannot overflow a datetime."""
    if isinstance(node, dict):
        return {k: _plain(v) for k, v in node.items() if k != "logicalType"}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return node
