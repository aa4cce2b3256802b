"""Letters about somebody who has opted out: in whatever framing, nothing of them is kept."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.traces import traces
from schemas.codec import CONFLUENT_MARKER, HEADER_BYTES, Codec, UndecodableError, parse_foreign
from schemas.events import ChangeType, FieldChange, Person
from schemas.registry import RegistryUnavailableError
from tests.opt_outs.people import ANN, TRACES, bob, opt_out, rows, said, search
from tests.support.consumption import consume, log_of, processor_for, shifted

BLANKED = "its person opted out; nothing of the record is kept"
SCHEMA_ID = 7


class MemoryRegistry:
    """Knows one schema, ours, as long as it answers."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []
        """What it does next; None and whatever follows: it answers."""
        self._writer = parse_foreign(Codec("person_change").schema, {})

    def writer(self, schema_id: int) -> Any:
        """The schema, or an error."""
        if self.answers and (error := self.answers.pop(0)) is not None:
            raise error
        if schema_id != SCHEMA_ID:
            raise UndecodableError(f"the Schema Registry does not know {schema_id}")
        return self._writer


@pytest.fixture
def registry() -> MemoryRegistry:
    """Of this test's consumer."""
    return MemoryRegistry()


@pytest.fixture
def processor(database_url: str, registry: MemoryRegistry) -> Iterator[Processor]:
    """One consumer."""
    plain = processor_for(database_url)
    yield Processor(plain.store, plain.settings, plain.partitions, registry=registry)
    plain.store.close()


def confluent(record: Record, schema_id: int = SCHEMA_ID) -> Record:
    """The record as somebody publishes it who has a registry."""
    body = (record.value or b"")[HEADER_BYTES:]
    return record._replace(value=CONFLUENT_MARKER + schema_id.to_bytes(4, "big") + body)


def misdirected(processor: Processor, change: Any) -> Record:
    """A record that becomes a letter, because its key is not the value's company."""
    return confluent(shifted(processor, log_of([change]))[0])._replace(key=b"wrong")


def test_a_letter_in_the_framing_of_a_registry_is_kept_without_its_record(
    processor: Processor, database_url: str
) -> None:
    """As one in our own framing; that of somebody else is kept whole."""
    consume(processor, log_of([opt_out()]))
    consume(processor, [misdirected(processor, said("e1"))])
    consume(processor, [misdirected(processor, bob("e2"))])

    assert rows(database_url, "SELECT reason, value IS NULL FROM dead_letters ORDER BY kafka_offset")[0] == (
        BLANKED,
        True,
    )
    assert rows(database_url, "SELECT count(*) FROM dead_letters WHERE value IS NOT NULL") == [(1,)]
    search(database_url)
    assert traces(database_url, TRACES) == []


def test_while_the_registry_is_away_nothing_of_anybody_is_kept(
    processor: Processor, registry: MemoryRegistry, database_url: str
) -> None:
    """The batch waits, even if the registry goes between the first look at a record and the last one."""
    consume(processor, log_of([opt_out()]))
    letter = misdirected(processor, said("e1"))
    for answered in range(3):
        registry.answers = [None] * answered + [RegistryUnavailableError("away")]
        with pytest.raises(RegistryUnavailableError):
            consume(processor, [letter])
        assert rows(database_url, "SELECT count(*) FROM dead_letters") == [(0,)]

    registry.answers = []
    consume(processor, [letter])
    assert rows(database_url, "SELECT reason FROM dead_letters") == [(BLANKED,)]


def test_bytes_that_nobody_can_read_are_kept_only_if_they_name_nobody_who_has_opted_out(
    processor: Processor, database_url: str
) -> None:
    """A schema that no registry knows, a record cut off, JSON: the texts in them are held against the marks."""
    consume(processor, log_of([said("e0"), opt_out()]))
    consume(processor, shifted(processor, log_of([opt_out("n", "gamma", "4711", "hubspot")])))
    hers, his = shifted(processor, log_of([said("e1"), bob("e1")]))[:2]
    texts = [
        *(b'{"id":"prs-ann-1"}', b"who=prs-ann-1&x", b'{"n":4711,"of":"bob"}', b"prs-ann-11", b"<Ann@Quixley.example>"),
    ]
    values = [confluent(hers, 99).value, (hers.value or b"")[:120], confluent(his, 99).value, (his.value or b"")[:-3]]
    start = hers.offset
    consume(processor, [hers._replace(offset=start + n, value=value) for n, value in enumerate([*values, *texts])])

    found = rows(database_url, f"SELECT kafka_offset - {start} FROM dead_letters WHERE reason = '{BLANKED}' ORDER BY 1")  # noqa: S608  # the test's own
    assert [n for (n,) in found] == [0, 1, 4, 5, 8]
    assert rows(database_url, "SELECT count(*) FROM dead_letters WHERE value IS NOT NULL") == [(4,)]


def test_a_letter_that_says_who_is_one_person_names_two(processor: Processor, database_url: str) -> None:
    """Whoever of the two has opted out, nothing of it is kept."""
    consume(processor, log_of([opt_out()]))
    merged = said("m1", person=Person("bob"), kind=ChangeType.MERGED)
    merged = replace(merged, changes={"id": FieldChange(ANN.id, "bob")})
    consume(processor, [misdirected(processor, merged)])
    assert rows(database_url, "SELECT reason FROM dead_letters") == [(BLANKED,)]
    search(database_url)
    assert traces(database_url, TRACES) == []
