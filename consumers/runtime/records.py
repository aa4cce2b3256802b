"""Records of the log, read into values: a delivery, a tick, or a letter that nobody can read.

Reading needs nothing but the record, and happens where it arrives; only a record in the Confluent wire format is left
undecided there, because a Schema Registry may have to be asked: the worker settles it, who may wait.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from consumers.engine.state import Delivery
from schemas.codec import Registry, UndecodableError, decode_change, is_confluent
from schemas.events import ChangeType, InvalidChangeError, PersonChange
from schemas.topics import is_tick, partition_for

Headers = Sequence[tuple[str, bytes | None]]


class Record(NamedTuple):
    """A record as Kafka hands it over; `timestamp` is the broker's, ms."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def size(self) -> int:
        """Bytes of key and value."""
        return len(self.key or b"") + len(self.value or b"")


class Read(NamedTuple):
    """A record with what it says: a change, nothing (a tick), or why it cannot be read; or it is not decided yet."""

    record: Record
    log_time: int
    said: PersonChange | None
    unreadable: str | None = None
    undecided: bool = False

    @property
    def delivery(self) -> Delivery:
        """The record as the fold takes it; only for a record that says a change."""
        if self.said is None:
            raise ValueError("a tick or an unreadable record is no delivery")
        return Delivery(self.log_time, self.record.partition, self.record.offset, self.said)


def read(record: Record, log_time: int) -> Read:
    """What a record says, as far as it can be told without asking anybody.

    Args:
        record: as Kafka hands it over.
        log_time: the greatest timestamp of its partition so far, this record's included, ms.
    """
    if is_tick(record.key, record.headers):
        return Read(record, log_time, None)
    if is_confluent(record.value):
        return Read(record, log_time, None, undecided=True)
    return _decoded(record, log_time, None)


def is_opt_out(read: Read) -> bool:
    """Whether a record is the wish of somebody to be erased."""
    return read.said is not None and read.said.type == ChangeType.OPTED_OUT


def settle(reads: Iterable[Read], registry: Registry | None) -> list[Read]:
    """These records, none of them undecided.

    Args:
        reads: in order.
        registry: None when there is none; what it raises for an outage passes through.
    """
    return [_decoded(r.record, r.log_time, registry) if r.undecided else r for r in reads]


def _decoded(record: Record, log_time: int, registry: Registry | None) -> Read:
    try:
        change = decode_change(record.value, registry)
        _check_key(record.key, change)
    except (UndecodableError, InvalidChangeError) as error:
        return Read(record, log_time, None, str(error))
    return Read(record, log_time, change)


def _check_key(key: bytes | None, change: PersonChange) -> None:
    if key is None:
        raise InvalidChangeError("key", f"is missing; it must be the company id, {change.company.id}")
    if key != change.company.id.encode():
        raise InvalidChangeError("key", f"is {key[:80]!r}, but the value is about company {change.company.id}")


def headers_as_json(headers: Headers) -> str:
    """Headers as a JSON list of [name, value as text or null, value as hex when it is no UTF-8]."""
    return json.dumps([_header(name, value) for name, value in headers])


def _header(name: str, value: bytes | None) -> list[str | None]:
    if value is None:
        return [name, None]
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\x00"
    return [name, None, value.hex()] if "\x00" in text else [name, text]


def headers_from_json(headers: Sequence[Sequence[str | None]]) -> list[tuple[str, bytes | None]]:
    """Headers as they were, from the list that `headers_as_json` writes."""
    return [(name or "", _header_value(*value)) for name, *value in headers]


def _header_value(text: str | None, in_hex: str | None = None) -> bytes | None:
    if in_hex is not None:
        return bytes.fromhex(in_hex)
    return None if text is None else text.encode()


@lru_cache(maxsize=100_000)
def home_partition(key: bytes, partitions: int) -> int:
    """`partition_for`, remembered: murmur2 in Python costs as much as decoding the record."""
    return partition_for(key, partitions)


@dataclass(slots=True)
class Batch:
    """Records that will be committed together, in offset order within each partition.

    Attributes:
        expected: position of each partition before the batch, as it must still be in the database.
        next_offsets: position of each partition after it.
        clocks: log time of each partition after it, ms; partitions without one are left out.
        epochs: epoch of each position, as it must still be in the database; 0 where none is given.
        began: log time of each partition before it, ms; partitions without one are left out.
        left: records that were taken, but are the next batch's.
    """

    reads: list[Read] = field(default_factory=list)
    expected: dict[int, int] = field(default_factory=dict)
    next_offsets: dict[int, int] = field(default_factory=dict)
    clocks: dict[int, int] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    began: dict[int, int] = field(default_factory=dict)
    left: list[Read] = field(default_factory=list)

    def end_with_opt_out(self) -> None:
        """Leave what follows the first opt-out to the next batch.

        An opt-out erases what was written before it and nothing that comes after it. With nothing after it in its batch
        that is true however the log is cut (law L6).
        """
        end = next((i for i, read in enumerate(self.reads, 1) if is_opt_out(read)), None)
        if end is None or end == len(self.reads):
            return
        self.left, self.reads = self.reads[end:], self.reads[:end]
        last = {item.record.partition: item for item in self.reads}
        for partition in {item.record.partition for item in self.left}:
            item = last.get(partition)
            self.next_offsets[partition] = self.expected[partition] if item is None else item.record.offset + 1
            clock = self.began.get(partition) if item is None else item.log_time
            if clock is None:
                del self.clocks[partition]
            else:
                self.clocks[partition] = clock
