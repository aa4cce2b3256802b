"""The partitions a consumer owns, and what of them was read but not yet committed. Pure bookkeeping, no I/O.

A partition is positioned when its place in PostgreSQL is known: only then are its records accepted. Each assignment
makes a new `Owned`, so that work taken under an earlier assignment is recognised and can no longer count: the fence.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from consumers.runtime.records import Batch, Read, Record, read
from db.rows import PositionRow


@dataclass(slots=True, eq=False)
class Owned:
    """One partition, from its assignment to its revocation.

    Attributes:
        position: next offset to commit, as in PostgreSQL; None until it is known.
        epoch: of the position: a promotion that comes between makes all that was computed before worthless.
        next_offset: the next offset to accept from Kafka.
        log_time: the greatest timestamp read, ms; None before the first record.
        committed_log_time: the greatest timestamp up to `position`: what decides which refreshes are due, since records
            that were read but wait may still be earlier than those.
        untouched: nothing of the partition was ever committed.
        at_end: Kafka said that nothing follows what was read.
        more_due: companies are due that the last batch had no room for.
        next_due: when its earliest trailing refresh is due, ms; None: none is, as far as `due_known`.
        due_known: `next_due` is what PostgreSQL says.
    """

    partition: int
    position: int | None = None
    epoch: int = 0
    next_offset: int = 0
    log_time: int | None = None
    committed_log_time: int | None = None
    untouched: bool = False
    at_end: bool = False
    more_due: bool = False
    next_due: int | None = None
    due_known: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """A batch, under which assignments it was taken, and by which lane."""

    batch: Batch
    owners: tuple[Owned, ...]
    lane: int = 0


@dataclass(slots=True)
class Assignment:
    """All partitions of one consumer, and their records that wait, a queue a partition.

    A lane that has nothing to do takes any partitions of which no batch is under way. So batches of one partition
    follow each other, and no lane waits while there is work.

    Attributes:
        lanes: how many batches may be under way, each of other partitions than all others.
        taken: by lane, the work that is being processed.
        waiting_bytes: of the keys and values of the records that wait.
    """

    lanes: int = 1
    owned: dict[int, Owned] = field(default_factory=dict)
    taken: dict[int, Work] = field(default_factory=dict)
    waiting_bytes: int = 0
    _waiting: dict[int, deque[Read]] = field(default_factory=dict)
    """None of them empty; whose turn it is comes first."""

    def asker(self, partition: int) -> int:
        """The lane that asks the database about a partition, and prunes for it: no two lanes ask the same."""
        return partition % self.lanes

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return sum(map(len, self._waiting.values()))

    def at_work(self) -> set[int]:
        """Partitions of which a batch is under way, also one that was taken under an earlier assignment."""
        return {owned.partition for work in self.taken.values() for owned in work.owners}

    def add(self, partitions: Iterable[int]) -> None:
        """Partitions were assigned; where they are is not known yet."""
        for partition in partitions:
            self.owned[partition] = Owned(partition)

    def drop(self, partitions: Iterable[int]) -> None:
        """Partitions are somebody else's now; what waits of them is theirs to read."""
        gone = {partition for partition in partitions if self.owned.pop(partition, None) is not None}
        self._forget(gone)

    def unpositioned(self, lane: int | None = None) -> list[Owned]:
        """Partitions whose place is not known: all, or those that a lane can ask for as nothing moves them."""
        found = [owned for owned in self.owned.values() if owned.position is None]
        if lane is None or not found:
            return found
        at_work = self.at_work()
        return [o for o in found if self.asker(o.partition) == lane and o.partition not in at_work]

    def position(self, owned: Owned, row: PositionRow) -> None:
        """A partition's place as PostgreSQL has it."""
        owned.position = owned.next_offset = row.next_offset
        owned.epoch = row.epoch
        owned.log_time = owned.committed_log_time = row.log_time
        owned.untouched = row.next_offset == 0 and row.log_time is None
        owned.at_end = owned.due_known = False

    def accept(self, record: Record) -> bool:
        """Take a record in, unless it is not ours to read or was read before."""
        owned = self.owned.get(record.partition)
        if owned is None or owned.position is None or record.offset < owned.next_offset:
            return False
        owned.next_offset = record.offset + 1
        owned.log_time = record.timestamp if owned.log_time is None else max(owned.log_time, record.timestamp)
        owned.at_end = False
        self._waiting.setdefault(record.partition, deque()).append(read(record, owned.log_time))
        self.waiting_bytes += record.size
        return True

    def end_reached(self, partition: int, offset: int) -> None:
        """Kafka has nothing beyond this offset for now."""
        owned = self.owned.get(partition)
        if owned is not None and owned.position is not None and offset >= owned.next_offset:
            owned.at_end = True

    def take(self, max_records: int, max_bytes: int, lane: int = 0) -> Work | None:
        """A lane's next batch, at least one record if one waits; None: nothing is to be done, or work is under way."""
        if lane in self.taken:
            return None
        at_work = self.at_work()
        batch = Batch(self._take(at_work, max_records, max_bytes))
        owners = {r.record.partition: self.owned[r.record.partition] for r in batch.reads}
        owners |= {o.partition: o for o in self.owned.values() if o.more_due and o.partition not in at_work}
        if not owners:
            return None
        for partition, owned in owners.items():
            batch.expected[partition] = batch.next_offsets[partition] = owned.position or 0
            batch.epochs[partition] = owned.epoch
            if owned.committed_log_time is not None:
                batch.clocks[partition] = owned.committed_log_time
            owned.more_due = False
        batch.began = dict(batch.clocks)
        for item in batch.reads:
            batch.next_offsets[item.record.partition] = item.record.offset + 1
            batch.clocks[item.record.partition] = item.log_time
        self.taken[lane] = Work(batch, tuple(owners.values()), lane)
        return self.taken[lane]

    def commit(self, work: Work, more_due: bool) -> dict[int, int]:
        """The work took effect; what it left comes next.

        Returns:
            The next offset of each of its partitions that is still ours under the same assignment.
        """
        self.taken.pop(work.lane, None)
        batch, ours = work.batch, {owned.partition: owned for owned in self._still_ours(work)}
        for partition, owned in ours.items():
            owned.position = batch.next_offsets[partition]
            owned.committed_log_time = batch.clocks.get(partition)
            owned.more_due, owned.due_known = more_due, False
        for item in reversed(batch.left):
            if item.record.partition in ours:
                self._waiting.setdefault(item.record.partition, deque()).appendleft(item)
                self.waiting_bytes += item.record.size
        return {partition: batch.next_offsets[partition] for partition in ours}

    def give_up(self, work: Work) -> None:
        """The work took no effect, or nobody knows: its partitions must be read again from where PostgreSQL says."""
        self.taken.pop(work.lane, None)
        lost = [owned.partition for owned in self._still_ours(work)]
        self._forget(set(lost))
        self.add(lost)

    def idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not self.waiting and not self.taken

    def quiet(self) -> list[Owned]:
        """Partitions of which nothing waits and nothing is under way."""
        return [owned for owned in self.owned.values() if self.idle() or owned.position == owned.next_offset]

    def oldest(self) -> dict[int, int]:
        """By partition the log time, ms, of the oldest record that is not committed.

        Where nothing of a partition waits here, it is that of the last one committed: none that follows is older.
        """
        found = {o.partition: o.committed_log_time for o in self.owned.values() if o.committed_log_time is not None}
        found |= {partition: queue[0].record.timestamp for partition, queue in self._waiting.items()}
        for work in self.taken.values():
            for item in chain(reversed(work.batch.left), reversed(work.batch.reads)):
                if item.record.partition in self.owned:
                    found[item.record.partition] = item.record.timestamp
        return found

    def _still_ours(self, work: Work) -> Iterator[Owned]:
        return (owned for owned in work.owners if self.owned.get(owned.partition) is owned)

    def _take(self, at_work: set[int], max_records: int, max_bytes: int) -> list[Read]:
        """Of one partition after the other what waits and has room; the rest of the last one waits for its next turn.

        Of a lane's share of the partitions at most, so that others find work as well and a stuck one holds up few.
        """
        share = -(-len(self.owned) // self.lanes)
        reads, size = list[Read](), 0
        for partition in [p for p in self._waiting if p not in at_work][:share]:
            if reads and (len(reads) >= max_records or size >= max_bytes):
                break
            queue = self._waiting.pop(partition)
            while queue and (not reads or (len(reads) < max_records and size < max_bytes)):
                size += queue[0].record.size
                reads.append(queue.popleft())
            if queue:
                self._waiting[partition] = queue
        self.waiting_bytes -= size
        return reads

    def _forget(self, partitions: set[int]) -> None:
        for partition in partitions:
            self.waiting_bytes -= sum(item.record.size for item in self._waiting.pop(partition, ()))
