"""One batch, from what was read to what is committed: load, fold, regroup, write. A constant number of statements."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar, assert_never

from consumers.buyer_group import DEFAULT_POLICY, Policy, group_order
from consumers.engine.fold import fold, may_refresh
from consumers.engine.state import (
    CompanyState,
    DeadLettered,
    Deferred,
    Delivery,
    Duplicate,
    Folded,
    Identity,
    Ignored,
    Outcome,
    Refreshed,
    Superseded,
)
from consumers.runtime.records import Batch, Read, Record, headers_as_json, home_partition, settle
from consumers.runtime.regroup import Group, Regrouping, group_members
from consumers.runtime.rows import company_row, company_state, employment_row
from consumers.settings import ConsumerSettings
from db.rows import (
    BatchWrites,
    CompanyRow,
    DeadLetterRow,
    EmploymentRow,
    EventKey,
    EventRow,
    GroupRow,
    MemberRow,
    PositionAdvance,
    RedeliveryRow,
)
from db.store import Rosters, Store
from schemas.codec import Codec, Registry
from schemas.registry import connect

OUTCOMES: Final = ("refreshed", "deferred", "superseded", "ignored", "duplicate", "dead_letter", "tick")


class TooManyDeadLettersError(RuntimeError):
    """So many records in a row could not be applied that the fault is not theirs."""


class Result(NamedTuple):
    """What a committed batch did.

    Attributes:
        outcomes: how many records had which outcome; their sum is the number of records read (law L7).
        wrong_partition: how many records belong on another partition by their key.
        more_due: more companies were due than one batch refreshes; process an empty batch next.
        phases: seconds spent by phase (load, fold, write).
    """

    records: int
    outcomes: Mapping[str, int]
    wrong_partition: int
    refreshes: int
    more_due: bool
    phases: Mapping[str, float]


@dataclass(slots=True)
class _Loaded:
    """A batch's companies as they are in the database."""

    companies: Mapping[str, CompanyRow]
    seen: set[EventKey]
    rosters: Rosters
    whole: set[str]
    more_due: bool


@dataclass(slots=True)
class Processor:
    """Processes batches against one store; used by one thread.

    Attributes:
        partitions: how many partitions the topic has, to count records that are on the wrong one; 0: unknown.
        policies: by workspace id.
        clock: wall-clock time in microseconds, for people only.
    """

    store: Store
    settings: ConsumerSettings
    partitions: int = 0
    policies: Mapping[str, Policy] = field(default_factory=lambda: {DEFAULT_POLICY.workspace_id: DEFAULT_POLICY})
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    _codec: Codec = field(default_factory=lambda: Codec("buyer_group_updated"))
    _letters_in_a_row: int = 0
    _registry: Registry | None = None

    def __post_init__(self) -> None:
        self._registry = connect(self.settings)

    def process(self, batch: Batch) -> Result:
        """Fold a batch and commit its effects and its positions.

        Raises:
            PositionMovedError: somebody else advanced one of its partitions; nothing took effect.
            RetryableDatabaseError: nothing took effect, or all did: try again, the position tells.
            RegistryUnavailableError: nothing took effect.
            TooManyDeadLettersError: nothing took effect.
        """
        batch.reads = settle(batch.reads, self._registry)
        began = time.perf_counter()
        changes: dict[str, list[Delivery]] = defaultdict(list)
        for read in batch.reads:
            if read.said is not None:
                changes[read.said.company.id].append(read.delivery)
        loaded = self._load(changes, batch.clocks)
        read_done = time.perf_counter()
        writes, counts = self._fold(batch, changes, loaded)
        folded = time.perf_counter()
        self.store.write(writes)
        phases = {"load": read_done - began, "fold": folded - read_done, "write": time.perf_counter() - folded}
        wrong = sum(position.wrong_partition for position in writes.positions)
        return Result(len(batch.reads), counts, wrong, len(writes.refreshes), loaded.more_due, phases)

    def _load(self, changes: Mapping[str, Sequence[Delivery]], clocks: Mapping[int, int]) -> _Loaded:
        due = self.store.due(clocks, self.settings.due_limit) if clocks else []
        keys = list({EventKey(c, d.change.source, d.change.event_id) for c, ds in changes.items() for d in ds})
        rows, seen = self.store.companies({*changes, *due}, keys)
        companies = {row.company_id: row for row in rows}
        whole = {c for c, row in companies.items() if self._may_refresh(row, changes.get(c, ()), clocks)}
        some = {
            (company_id, d.change.person.id)
            for company_id, ds in changes.items()
            if company_id in companies and company_id not in whole
            for d in ds
            if d.change.person is not None
        }
        rosters = self.store.rosters(sorted(whole), sorted(some))
        return _Loaded(companies, seen, rosters, whole, len(due) >= self.settings.due_limit)

    def _may_refresh(self, row: CompanyRow, deliveries: Sequence[Delivery], clocks: Mapping[int, int]) -> bool:
        until = _until(row, deliveries, clocks)
        return may_refresh(row.last_refresh_at, row.refresh_due_at, until, self.settings.refresh_interval_ms)

    def _fold(
        self, batch: Batch, changes: Mapping[str, Sequence[Delivery]], loaded: _Loaded
    ) -> tuple[BatchWrites, Mapping[str, int]]:
        writes = BatchWrites(self.settings.person_changes_topic)
        topic = self.settings.buyer_group_updates_topic
        regrouping = Regrouping(writes, topic, self._codec, self.policies, self.clock)
        stored = _Stored(loaded)
        ledger = _Ledger(writes)
        for company_id in sorted({*changes, *loaded.companies}):
            row, deliveries = loaded.companies.get(company_id), changes.get(company_id, ())
            state = stored.state(company_id)
            until = _until(row, deliveries, batch.clocks)
            folded = fold(state, deliveries, until, self.settings.refresh_interval_ms)
            ledger.company(company_id, folded)
            if folded.state.revision != state.revision:
                partition = deliveries[-1].partition if deliveries or row is None else row.kafka_partition
                writes.companies.append(company_row(folded.state, state.revision, partition))
            writes.employments.extend(
                employment_row(company_id, folded.state.roster[person]) for person in sorted(folded.touched)
            )
            if folded.refreshes:
                regrouping.company(company_id, folded.refreshes, stored.groups(company_id))
        regrouping.finish()
        return writes, self._account(batch, writes, ledger)

    def _account(self, batch: Batch, writes: BatchWrites, ledger: "_Ledger") -> Mapping[str, int]:
        """Outcomes by partition into the positions, letters into the letter box; the totals."""
        tallies: dict[int, Counter[str]] = defaultdict(Counter)
        for read in batch.reads:
            tally, record = tallies[read.record.partition], read.record
            tally["consumed"] += 1
            tally[self._outcome(read, ledger, writes)] += 1
            if self.partitions and record.key and home_partition(record.key, self.partitions) != record.partition:
                tally["wrong_partition"] += 1
        writes.positions.extend(
            PositionAdvance(
                partition,
                expected,
                batch.next_offsets[partition],
                batch.clocks.get(partition),
                **{name: tallies[partition][name] for name in ("consumed", *OUTCOMES, "wrong_partition")},
            )
            for partition, expected in sorted(batch.expected.items())
        )
        return {name: sum(tally[name] for tally in tallies.values()) for name in OUTCOMES}

    def _outcome(self, read: Read, ledger: "_Ledger", writes: BatchWrites) -> str:
        if read.said is None and read.unreadable is None:
            return "tick"
        reason = read.unreadable or ledger.letters.get((read.record.partition, read.record.offset))
        if reason is None:
            self._letters_in_a_row = 0
            return ledger.names[read.record.partition, read.record.offset]
        self._letters_in_a_row += 1
        if self._letters_in_a_row > self.settings.dead_letter_run_limit:
            at = f"{self.settings.person_changes_topic}/{read.record.partition} offset {read.record.offset}"
            raise TooManyDeadLettersError(
                f"{self._letters_in_a_row} records in a row could not be applied, the last at {at}: {reason}. "
                "Nothing of this batch was written. Fix the cause, or raise DEAD_LETTER_RUN_LIMIT to bury them."
            )
        writes.dead_letters.append(
            _letter(read.record, read.log_time, read.said.company.id if read.said else None, reason)
        )
        return "dead_letter"


def _until(row: CompanyRow | None, deliveries: Sequence[Delivery], clocks: Mapping[int, int]) -> int:
    """The log time a company has reached: that of the partitions that say something about it."""
    partitions = {d.partition for d in deliveries} or ({row.kafka_partition} if row else set())
    return max((clocks[p] for p in partitions if p in clocks), default=0)


class _Stored:
    """What was loaded, as the engine's values."""

    def __init__(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self._people = _by_company(loaded.rosters.employments)
        self._heads = _by_company(loaded.rosters.groups)
        self._members = _by_company(loaded.rosters.members)
        self._seen = {
            company_id: frozenset(Identity(key.source, key.event_id) for key in keys)
            for company_id, keys in _by_company(loaded.seen).items()
        }

    def state(self, company_id: str) -> CompanyState:
        seen = self._seen.get(company_id, frozenset())
        row = self._loaded.companies.get(company_id)
        if row is None:
            return CompanyState(company_id, seen=seen)
        return company_state(row, self._people.get(company_id, ()), company_id in self._loaded.whole, seen)

    def groups(self, company_id: str) -> dict[str, Group]:
        members = self._members.get(company_id, [])
        return {
            head.workspace_id: Group(
                head.version,
                head.changed_at,
                group_members([m for m in members if m.workspace_id == head.workspace_id], group_order),
            )
            for head in self._heads.get(company_id, ())
        }


class _Ledger:
    """Outcomes as rows, and by coordinates."""

    def __init__(self, writes: BatchWrites) -> None:
        self._writes = writes
        self.names: dict[tuple[int, int], str] = {}
        self.letters: dict[tuple[int, int], str] = {}

    def company(self, company_id: str, folded: Folded) -> None:
        """A company's outcomes: one inbox row a change, however often the batch has it."""
        first: dict[Identity, EventRow] = {}
        again: Counter[Identity] = Counter()
        for delivery, outcome in folded.outcomes:
            place = (delivery.partition, delivery.offset)
            name, reason, due = _describe(outcome)
            self.names[place] = name
            if isinstance(outcome, Duplicate):
                again[delivery.identity] += 1
            elif isinstance(outcome, DeadLettered):
                self.letters[place] = outcome.reason
            else:
                first[delivery.identity] = _event_row(company_id, delivery, name, reason, due)
        for identity in first.keys() & again.keys():
            first[identity] = first[identity]._replace(deliveries=1 + again.pop(identity))
        self._writes.events.extend(first.values())
        self._writes.redeliveries.extend(RedeliveryRow(company_id, *key, count) for key, count in again.items())


def _describe(outcome: Outcome) -> tuple[str, str | None, int | None]:
    """An outcome's name, reason, and the refresh that covers it (ms)."""
    match outcome:
        case Refreshed(at):
            return "refreshed", None, at
        case Deferred(until):
            return "deferred", "too soon after the last refresh; on the roster already", until
        case Superseded(reason):
            return "superseded", reason, None
        case Ignored(reason):
            return "ignored", reason, None
        case Duplicate():
            return "duplicate", None, None
        case DeadLettered(reason):
            return "dead_letter", reason, None
        case _:
            assert_never(outcome)


def _event_row(company_id: str, d: Delivery, name: str, reason: str | None, due: int | None) -> EventRow:
    c = d.change
    times = (c.occurred_at, c.received_at, d.log_time)
    return EventRow(company_id, c.source, c.event_id, c.type, *times, name, reason, due, d.partition, d.offset, 1)


def _letter(record: Record, log_time: int, company_id: str | None, reason: str) -> DeadLetterRow:
    place = (record.partition, record.offset)
    headers = headers_as_json(record.headers)
    return DeadLetterRow(*place, company_id, record.key, record.value, headers, log_time, reason.replace("\x00", "\\0"))


_Row = TypeVar("_Row", EmploymentRow, EventKey, GroupRow, MemberRow)


def _by_company(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    grouped: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        grouped[row.company_id].append(row)
    return grouped
