"""A consumer without Kafka: records in memory, through the real bookkeeping and processor, into a real database."""

from collections.abc import Iterable, Sequence

from consumers.runtime.assignment import Assignment
from consumers.runtime.processor import Processor, Result
from consumers.runtime.records import Record
from consumers.settings import ConsumerSettings
from db.store import Store
from schemas.codec import encode_change
from schemas.events import PersonChange
from schemas.topics import company_key, partition_for
from tests.support.changes import NOW

PARTITIONS = 4
TOPIC = "memory"


def log_of(changes: Iterable[PersonChange], step_ms: int = 7) -> list[Record]:
    """Records as a broker would keep them: partition by key, timestamps in order of arrival."""
    ends = [0] * PARTITIONS
    records = []
    for number, said in enumerate(changes):
        key = company_key(said.company.id)
        partition = partition_for(key, PARTITIONS)
        records.append(Record(partition, ends[partition], NOW + number * step_ms, key, encode_change(said), ()))
        ends[partition] += 1
    return records


def processor_for(database_url: str, **settings: object) -> Processor:
    """A processor with a store of its own; close `processor.store`."""
    chosen = {"database_url": database_url, "person_changes_topic": TOPIC, **settings}
    return Processor(Store(database_url), ConsumerSettings.model_validate(chosen), PARTITIONS)


def consume(processor: Processor, records: Sequence[Record], sizes: Iterable[int] = ()) -> list[Result]:
    """Process records from where the database is, in batches of these sizes, then of 1000.

    What lies before the position is skipped, as by a seek.
    """
    assignment = Assignment()
    assignment.add(range(PARTITIONS))
    positions = processor.store.positions(TOPIC, range(PARTITIONS))
    for owned in assignment.unpositioned():
        assignment.position(owned, positions[owned.partition])
    for record in records:
        assignment.accept(record)
    results, cuts = [], iter(sizes)
    while work := assignment.take(next(cuts, 1000), 1 << 20):
        result = processor.process(work.batch)
        assignment.commit(work, result.more_due)
        results.append(result)
    return results


def shifted(processor: Processor, log: list[Record]) -> list[Record]:
    """The records as they stand when they are appended to what was consumed, a minute later."""
    ends = processor.store.positions(TOPIC, range(PARTITIONS))
    return [
        record._replace(offset=record.offset + ends[record.partition].next_offset, timestamp=record.timestamp + 60_000)
        for record in log
    ]
