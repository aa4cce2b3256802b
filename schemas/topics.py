"""Topic names, keys, partitions and headers: what producers and consumers of the log must agree on.

The partition of a key is that of Kafka's own Java client (murmur2), so that a company lands on the same partition
whichever language published the change.
"""

import uuid
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from schemas.events import PersonChange
from schemas.hints import PersonHint
from schemas.times import iso_utc

PERSON_CHANGES: Final = "person-changes"
BUYER_GROUP_UPDATES: Final = "buyer-group-updates"
PERSON_HINTS: Final = "person-hints"
TICK_TYPE: Final = "clock.tick"
UPDATE_TYPE: Final = "buyer_group.updated"
UPDATE_SOURCE: Final = "person-changes"
CONTENT_TYPE: Final = "application/avro"

RETRY_HEADER: Final = "dead_letter"
"""Of a record that was a dead letter and was appended again: where it stood first, as topic/partition/offset."""

Headers = list[tuple[str, str | bytes | None]]

_CLOUD_EVENT: Final = ("ce_specversion", b"1.0")
_AVRO: Final = ("content-type", CONTENT_TYPE.encode())
_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_MASK: Final = 0xFFFFFFFF


def company_key(company_id: str) -> bytes:
    """The Kafka key of everything about a company: its id in UTF-8."""
    return company_id.encode()


def hint_key(source: str, person_id: str) -> bytes:
    """The Kafka key of hints about a person, as a source knows them: `source/person id` in UTF-8."""
    return f"{source}/{person_id}".encode()


def partition_for(key: bytes, partitions: int) -> int:
    """The partition that Kafka's Java client, and librdkafka's ``murmur2_random``, choose for a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Kafka's 32-bit murmur2 (``org.apache.kafka.common.utils.Utils.murmur2``) as an unsigned integer."""
    h = _SEED ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if tail := data[whole:]:
        h = ((h ^ int.from_bytes(tail, "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


def change_headers(change: PersonChange | PersonHint, traceparent: str | None = None) -> Headers:
    """CloudEvents 1.0 headers (Kafka binding, binary mode) of a change or hint, and its W3C trace context if any."""
    headers: Headers = [
        _CLOUD_EVENT,
        ("ce_id", change.event_id.encode()),
        ("ce_source", change.source.encode()),
        ("ce_type", change.type.encode()),
        ("ce_time", iso_utc(change.occurred_at).encode()),
        _AVRO,
    ]
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers


def tick_headers(sent_by: str, sent_at: int) -> Headers:
    """CloudEvents headers of a tick."""
    return [
        _CLOUD_EVENT,
        ("ce_id", uuid.uuid4().hex.encode()),
        ("ce_source", sent_by.encode()),
        ("ce_type", TICK_TYPE.encode()),
        ("ce_time", iso_utc(sent_at).encode()),
        _AVRO,
    ]


def update_headers(workspace_id: str, company_id: str, version: int, refreshed_at: int) -> Headers:
    """CloudEvents headers of a group's new version."""
    return [
        _CLOUD_EVENT,
        ("ce_id", f"{quote(workspace_id, safe='')}/{quote(company_id, safe='')}/{version}".encode()),
        ("ce_source", UPDATE_SOURCE.encode()),
        ("ce_type", UPDATE_TYPE.encode()),
        ("ce_time", iso_utc(refreshed_at).encode()),
        _AVRO,
    ]


def is_tick(key: bytes | None, headers: Iterable[tuple[str, bytes | None]] | None) -> bool:
    """Whether a record only says that log time has come this far."""
    return key is None and any(name == "ce_type" and value == TICK_TYPE.encode() for name, value in headers or ())


def is_retry(headers: Iterable[tuple[str, bytes | None]] | None) -> bool:
    """Whether a record was a dead letter before."""
    return any(name == RETRY_HEADER for name, _ in headers or ())
