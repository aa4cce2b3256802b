"""One batch, from what was read to what is committed: load, fold, regroup, write. A constant number of statements."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState, Delivery, Folded, Identity, may_refresh
from consumers.opt_outs import Marks
from consumers.runtime.breaker import Judge
from consumers.runtime.group_rows import group_members
from consumers.runtime.ledger import Ledger, letter_row
from consumers.runtime.opt_outs import OptOuts
from consumers.runtime.records import Batch, Read, home_partition, settle
from consumers.runtime.regroup import Group, Regrouping
from consumers.runtime.rows import company_row, company_state, employment_row
from consumers.settings import ConsumerSettings
from consumers.workspaces.policies import Policies
from db.rows import (
    BatchWrites,
    ChoiceRow,
    CompanyRow,
    EmploymentRow,
    EventKey,
    GroupRow,
    PositionAdvance,
    SeenRow,
)
from db.store import Rosters, Store
from schemas.codec import Codec, Registry
from schemas.events import ChangeType
from schemas.registry import connect
from schemas.topics import is_retry

OUTCOMES: Final = ("refreshed", "deferred", "superseded", "ignored", "duplicate", "dead_letter", "tick")


class TooManyDeadLettersError(RuntimeError):
    """So many records could not be applied that the fault is not theirs."""


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
    seen: Sequence[SeenRow]
    choices: Sequence[ChoiceRow]
    rosters: Rosters
    whole: set[str]
    more_due: bool


@dataclass(slots=True)
class Processor:
    """Processes batches against one store; used by one thread.

    Attributes:
        partitions: how many partitions the topic has, to count records that are on the wrong one; 0: unknown.
        aside: whether the log is folded aside, so that nothing but the tables that it makes may be written.
        policies: those that were read so far; each batch reads what is new.
        judge: of dead letters, shared by the lanes of a process; one of its own unless given.
        registry: reads records in the Confluent wire format; that of the settings unless given.
        clock: wall-clock time in microseconds, for people only.
    """

    store: Store
    settings: ConsumerSettings
    partitions: int = 0
    aside: bool = False
    policies: Policies = Policies()  # noqa: RUF009  # immutable, so it can be shared
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    registry: Registry | None = None
    judge: Judge | None = None
    _codec: Codec = field(default_factory=lambda: Codec("buyer_group_updated"))
    _opt_outs: OptOuts = field(init=False)
    _judge: Judge = field(init=False)

    def __post_init__(self) -> None:
        self.registry = self.registry or connect(self.settings)
        self._opt_outs = OptOuts(self.store, Marks(self.settings.opt_out_keys), self.aside, self.registry)
        self._judge = self.judge or Judge(self.settings.dead_letter_run_limit, self.settings.dead_letter_ratio_limit)

    def process(self, batch: Batch) -> Result:
        """Fold a batch, or what of it must be committed before the rest, and commit its effects and its positions.

        Raises:
            PositionMovedError: somebody else advanced one of its partitions; nothing took effect.
            RetryableDatabaseError: nothing took effect, or all did: try again, the position tells.
            RegistryUnavailableError: nothing took effect.
            TooManyDeadLettersError, UnknownOptOutKeyError: nothing took effect.
        """
        batch.reads = settle(batch.reads, self.registry)
        batch.end_with_opt_out()
        began = time.perf_counter()
        changes: dict[str, list[Delivery]] = defaultdict(list)
        for read in batch.reads:
            if read.said is not None:
                changes[read.said.company.id].append(read.delivery)
        loaded = self._load(changes, batch)
        read_done = time.perf_counter()
        writes, counts = self._fold(batch, changes, loaded)
        became = self._judged(batch, writes)
        folded = time.perf_counter()
        self.store.write(writes)
        self._judge.committed(became)
        phases = {"load": read_done - began, "fold": folded - read_done, "write": time.perf_counter() - folded}
        wrong = sum(position.wrong_partition for position in writes.positions)
        return Result(len(batch.reads), counts, wrong, len(writes.refreshes), loaded.more_due, phases)

    def _load(self, changes: Mapping[str, list[Delivery]], batch: Batch) -> _Loaded:
        clocks = batch.clocks
        due = self.store.due(clocks, self.settings.due_limit) if clocks else []
        keys = list({EventKey(c, d.change.source, d.change.event_id) for c, ds in changes.items() for d in ds})
        known = self.store.companies({*changes, *due}, keys, self.policies.number)
        # Versions count from a time after they were written, so whoever reads of that time finds them here (law L6).
        self.policies = self.policies.learned(known.policies)
        companies = {row.company_id: row for row in known.companies}
        whole = {c for c, row in companies.items() if self._may_refresh(row, changes.get(c, ()), clocks)}
        some = {
            (company_id, d.change.person.id)
            for company_id, ds in changes.items()
            if company_id in companies and company_id not in whole
            for d in ds
            if d.change.person is not None
        }
        rosters = self.store.rosters(sorted(whole), sorted(some), self._opt_outs.asked(batch.reads))
        self._opt_outs.decide(batch.reads, rosters, changes)
        return _Loaded(companies, known.seen, known.choices, rosters, whole, len(due) >= self.settings.due_limit)

    def _may_refresh(self, row: CompanyRow, deliveries: Sequence[Delivery], clocks: Mapping[int, int]) -> bool:
        if any(d.change.type == ChangeType.OPTED_OUT for d in deliveries):
            return True  # whoever else of the roster is the same person goes as well
        until = clocks.get(_partition(row, deliveries), 0)
        if deliveries:
            until = max(until, *(d.log_time for d in deliveries))
        return may_refresh(row.last_refresh_at, row.refresh_due_at, until, self.settings.refresh_interval_ms)

    def _fold(
        self, batch: Batch, changes: Mapping[str, Sequence[Delivery]], loaded: _Loaded
    ) -> tuple[BatchWrites, Mapping[str, int]]:
        writes = BatchWrites(self.settings.person_changes_topic, self.settings.inbox_retention_ms)
        topic = self.settings.buyer_group_updates_topic
        regrouping = Regrouping(writes, topic, self.policies, self.clock)
        stored, interval = _Stored(loaded), self.settings.refresh_interval_ms
        ledger, folds = Ledger(writes), dict[str, Folded]()
        for company_id in sorted({*changes, *loaded.companies}):
            row, deliveries = loaded.companies.get(company_id), changes.get(company_id, ())
            state = stored.state(company_id)
            partition = _partition(row, deliveries)
            until = batch.clocks.get(partition, 0)
            folded = fold(state, deliveries, until, interval, self._opt_outs.marks.of, writes.remembered_ms)
            folds[company_id] = folded
            ledger.company(company_id, folded)
            if folded.state.revision != state.revision or (row is not None and row.kafka_partition != partition):
                writes.companies.append(company_row(folded.state, state.revision, partition))
            writes.employments.extend(
                employment_row(company_id, folded.state.roster[person]) for person in sorted(folded.touched)
            )
            writes.choices.extend(ChoiceRow(company_id, *folded.state.choices[key]) for key in sorted(folded.chosen))
            if folded.refreshes:
                regrouping.company(company_id, folded.refreshes, stored.groups(company_id))
        regrouping.finish()
        self._opt_outs.rows(folds, writes, self._codec)
        return writes, self._account(batch, writes, ledger)

    def _account(self, batch: Batch, writes: BatchWrites, ledger: "Ledger") -> Mapping[str, int]:
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
                epoch=batch.epochs.get(partition, 0),
            )
            for partition, expected in sorted(batch.expected.items())
        )
        return {name: sum(tally[name] for tally in tallies.values()) for name in OUTCOMES}

    def _outcome(self, read: Read, ledger: "Ledger", writes: BatchWrites) -> str:
        if read.said is None and read.unreadable is None:
            return "tick"
        reason = read.unreadable or ledger.letters.get((read.record.partition, read.record.offset))
        if reason is None:
            return ledger.names[read.record.partition, read.record.offset]
        row = letter_row(read.record, read.log_time, read.said.company.id if read.said else None, reason)
        writes.dead_letters.append(self._opt_outs.letter(row))
        return "dead_letter"

    def _judged(self, batch: Batch, writes: BatchWrites) -> list[bool]:
        """For each record whether it became a letter; those retried in vain say nothing new, and are left out."""
        letters = {(letter.kafka_partition, letter.kafka_offset) for letter in writes.dead_letters}
        records = [read.record for read in batch.reads if read.said or read.unreadable]
        if not letters:
            return [False] * len(records)
        places = ((record, (record.partition, record.offset) in letters) for record in records)
        became = [bad for record, bad in places if not (bad and is_retry(record.headers))]
        if (why := self._judge.why_not(became)) is None:
            return became
        last = writes.dead_letters[-1]
        at = f"{self.settings.person_changes_topic}/{last.kafka_partition} offset {last.kafka_offset}"
        raise TooManyDeadLettersError(
            f"{why}, the last at {at}: {last.reason}. Nothing of this batch was written. "
            "Fix the cause, or raise the limit to bury them."
        )


def _partition(row: CompanyRow | None, deliveries: Sequence[Delivery]) -> int:
    """Where a company's time comes from: the partition of what was said of it last, news or not (decision 0019)."""
    if deliveries:
        return deliveries[-1].partition
    return -1 if row is None else row.kafka_partition


class _Stored:
    """What was loaded, as the engine's values."""

    def __init__(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self._people = _by_company(loaded.rosters.employments)
        self._heads = _by_company(loaded.rosters.groups)
        self._members = group_members(loaded.rosters.members)
        self._choices = _by_company(loaded.choices)
        self._seen = {
            company_id: {Identity(row.source, row.event_id): row.log_time for row in rows}
            for company_id, rows in _by_company(loaded.seen).items()
        }

    def state(self, company_id: str) -> CompanyState:
        seen = self._seen.get(company_id, {})
        row = self._loaded.companies.get(company_id)
        if row is None:
            return CompanyState(company_id, seen=seen)
        people, choices = self._people.get(company_id, ()), self._choices.get(company_id, ())
        return company_state(row, people, company_id in self._loaded.whole, seen, choices)

    def groups(self, company_id: str) -> dict[str, Group]:
        return {
            head.workspace_id: Group(
                head.version,
                head.changed_at,
                tuple(self._members.get((company_id, head.workspace_id), ())),
                head.policy_version,
                head.tracked,
                head.erased,
            )
            for head in self._heads.get(company_id, ())
        }


_Row = TypeVar("_Row", ChoiceRow, EmploymentRow, GroupRow, SeenRow)


def _by_company(rows: Iterable[_Row]) -> dict[str, list[_Row]]:
    grouped: dict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        grouped[row.company_id].append(row)
    return grouped
