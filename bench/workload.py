"""The changes that the consumer is measured with: companies with rosters, then title changes, Zipf-distributed.

Seeded, so that every run has the same. Nothing here needs a server.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Final, TypeVar

from consumers.runtime.records import Batch, Read, Record, home_partition
from schemas.events import ChangeType, Company, FieldChange, Movement, Person, PersonChange
from schemas.topics import company_key

EXPONENT: Final = 0.9
"""Of the Zipf distribution: the company of rank r has a share of 1 / r ** 0.9 of the changes."""
PEOPLE: Final = 20
PARTITIONS: Final = 12
SEED: Final = 20261123
JOINED_AT: Final = 1_600_000_000_000
CHANGED_AT: Final = 1_750_000_000_000
TITLES: Final = (
    "Chief Revenue Officer",
    "VP Sales",
    "Director of Marketing",
    "Account Executive",
    "Head of Procurement",
    "Software Engineer",
    "Senior Software Engineer",
    "Chief Financial Officer",
    "Finance Manager",
    "IT Director",
    "Head of Operations",
    "Sales Manager",
    "Product Manager",
    "VP Engineering",
    "Chief Technology Officer",
    "Customer Success Manager",
    "HR Business Partner",
    "Legal Counsel",
    "Data Analyst",
    "Security Architect",
    "Procurement Specialist",
)
T = TypeVar("T")


@dataclass(slots=True)
class Workload:
    """Companies, their people, and what happens to them.

    Attributes:
        companies: how many.
    """

    companies: int
    _changed: dict[tuple[int, int], int] = field(default_factory=dict)
    _random: random.Random = field(default_factory=lambda: random.Random(SEED))

    def rosters(self) -> Iterator[PersonChange]:
        """Everybody joins, company by company."""
        for company in range(self.companies):
            for person in range(PEOPLE):
                yield self._change(f"joined_{person}", company, person, Movement.JOINED, JOINED_AT)

    def title_changes(self, count: int) -> list[PersonChange]:
        """Each is news: another title than the person's last one, at a later time than anything before."""
        weights = list(accumulate(1 / rank**EXPONENT for rank in range(1, self.companies + 1)))
        companies = self._random.choices(range(self.companies), cum_weights=weights, k=count)
        return [self._title_change(number, company) for number, company in enumerate(companies)]

    def _title_change(self, number: int, company: int) -> PersonChange:
        person = self._random.randrange(PEOPLE)
        self._changed[company, person] = self._changed.get((company, person), 0) + 1
        return self._change(f"evt_{number:08d}", company, person, Movement.NONE, CHANGED_AT + number)

    def _change(self, event_id: str, company: int, person: int, movement: Movement, at: int) -> PersonChange:
        title = company + person + self._changed.get((company, person), 0)
        old, new = TITLES[(title - 1) % len(TITLES)], TITLES[title % len(TITLES)]
        name = f"company_{company:06d}"
        return PersonChange(
            event_id=event_id,
            source="bench",
            type=ChangeType.COMPANY_CHANGE if movement is Movement.JOINED else ChangeType.ROLE_CHANGE,
            occurred_at=at,
            received_at=at,
            company=Company(name, f"Company {company}", f"{name}.example.com"),
            movement=movement,
            person=Person(
                f"{name}_person_{person}", f"John Doe {person}", f"john{person}@{name}.example.com", title=new
            ),
            changes={"title": FieldChange(old, new)},
        )


@dataclass(slots=True)
class Feed:
    """A log that nobody wrote: changes as batches for the processor, at a log time of our choice.

    Attributes:
        log_time: of the next records, ms.
    """

    log_time: int
    _offsets: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(PARTITIONS), 0))

    def batch(self, changes: Iterable[PersonChange]) -> Batch:
        """These changes as one batch, each on the partition of its key."""
        batch = Batch()
        for change in changes:
            key = company_key(change.company.id)
            partition = home_partition(key, PARTITIONS)
            offset = self._offsets[partition]
            batch.reads.append(Read(Record(partition, offset, self.log_time, key, b"", ()), self.log_time, change))
            batch.expected.setdefault(partition, offset)
            batch.next_offsets[partition] = self._offsets[partition] = offset + 1
            batch.clocks[partition] = self.log_time
        return batch

    def silence(self) -> Batch:
        """A batch without records: only log time has come this far, on every partition."""
        clocks = dict.fromkeys(range(PARTITIONS), self.log_time)
        return Batch([], dict(self._offsets), dict(self._offsets), clocks)


def chunks(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
