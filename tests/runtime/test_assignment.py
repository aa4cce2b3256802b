"""The bookkeeping of partitions: what may be accepted, taken, committed, and what no longer counts."""

from dataclasses import replace

from consumers.runtime.assignment import Assignment
from consumers.runtime.records import Record
from schemas.codec import encode_change
from schemas.events import ChangeType, PersonChange
from tests.support.assignments import positioned, record
from tests.support.changes import change


def test_nothing_is_accepted_before_the_position_is_known() -> None:
    """Kafka's own idea of where to start does not count."""
    assignment = Assignment()
    assignment.add([0])

    assert not assignment.accept(record(0))


def test_what_lies_before_the_position_is_not_read_again() -> None:
    """A fetch that was under way during the seek brings old records; they are dropped."""
    assignment = positioned(0, next_offset=5)

    assert [assignment.accept(record(offset)) for offset in (4, 5, 5, 6)] == [False, True, False, True]


def test_log_time_never_goes_back() -> None:
    """A broker whose clock was set back does not turn back what was decided."""
    assignment = positioned(0, log_time=5000)
    assignment.accept(record(0, timestamp=4000))
    assignment.accept(record(1, timestamp=6000))

    work = assignment.take(1, 1000)

    assert work is not None
    assert [read.log_time for read in work.batch.reads] == [5000]
    assert work.batch.clocks == {0: 5000}


def test_a_batch_is_bounded_by_records_and_by_bytes_but_has_one_at_least() -> None:
    """A single huge record goes through."""
    assignment = positioned(0)
    for offset in range(5):
        assignment.accept(record(offset))

    work = assignment.take(3, 1 << 20)
    assert work is not None
    assert len(work.batch.reads) == 3
    assert assignment.take(3, 1 << 20) is None, "one batch at a time"
    assignment.commit(work, more_due=False)
    last = assignment.take(10, 0)
    assert last is not None
    assert len(last.batch.reads) == 1


def test_offsets_are_stored_up_to_what_was_committed_only() -> None:
    """What waits behind the batch is not part of its position."""
    assignment = positioned(0, 1, next_offset=7)
    for partition in (0, 1):
        for offset in (7, 8):
            assignment.accept(record(offset, partition))

    work = assignment.take(3, 1 << 20)

    assert work is not None
    assert work.batch.expected == {0: 7, 1: 7}
    assert assignment.commit(work, more_due=False) == {0: 9, 1: 8}


def said(change: PersonChange, offset: int, partition: int = 0) -> Record:
    """A record that says a change."""
    return record(offset, partition)._replace(key=change.company.id.encode(), value=encode_change(change))


def test_what_follows_an_opt_out_is_left_to_the_next_batch() -> None:
    """Positions and clocks are those of the records up to it, and what was left comes first of its partition."""
    assignment = positioned(0, 1, 2, next_offset=7, log_time=500)
    wish = replace(change(), type=ChangeType.OPTED_OUT)
    for place in ((7, 0), (8, 0), (7, 1), (9, 0)):
        assignment.accept(said(wish if place == (8, 0) else change(), *place))
    work = assignment.take(10, 1 << 20)
    assert work is not None
    assignment.accept(said(change(), 10))

    work.batch.end_with_opt_out()

    assert (work.batch.next_offsets, work.batch.clocks) == ({0: 9, 1: 7}, {0: 1008, 1: 500})
    assert assignment.oldest() == {0: 1007, 1: 1007, 2: 500}
    assert assignment.commit(work, more_due=False) == {0: 9, 1: 7}
    after = assignment.take(10, 1 << 20)
    assert after is not None
    assert [(r.record.partition, r.record.offset) for r in after.batch.reads] == [(0, 9), (0, 10), (1, 7)]
    assert (after.batch.expected, after.batch.clocks) == ({0: 9, 1: 7}, {0: 1010, 1: 1007})


def test_what_a_batch_left_of_a_partition_that_is_gone_is_dropped() -> None:
    """Its next owner reads it."""
    assignment = positioned(0, 1)
    assignment.accept(said(replace(change(), type=ChangeType.OPTED_OUT), 0))
    for place in ((1, 0), (0, 1)):
        assignment.accept(said(change(), *place))
    work = assignment.take(10, 1 << 20)
    assert work is not None
    work.batch.end_with_opt_out()
    assignment.drop([1])

    assert assignment.commit(work, more_due=False) == {0: 1}
    after = assignment.take(10, 1 << 20)
    assert after is not None
    assert [(r.record.partition, r.record.offset) for r in after.batch.reads] == [(0, 1)]


def test_work_of_an_earlier_assignment_stores_nothing() -> None:
    """A partition that went away and came back is another one: the fence needs no epoch number."""
    assignment = positioned(0, 1)
    assignment.accept(record(0, 0))
    assignment.accept(record(0, 1))
    work = assignment.take(10, 1 << 20)
    assert work is not None

    assignment.drop([0])
    assignment.add([0])

    assert assignment.commit(work, more_due=False) == {1: 1}
    assert [owned.partition for owned in assignment.unpositioned()] == [0]


def test_what_waits_of_a_partition_that_is_gone_is_dropped() -> None:
    """Its next owner reads it."""
    assignment = positioned(0, 1)
    assignment.accept(record(0, 0))
    assignment.accept(record(0, 1))

    assignment.drop([0])
    work = assignment.take(10, 1 << 20)

    assert work is not None
    assert [read.record.partition for read in work.batch.reads] == [1]


def test_after_giving_up_the_partition_is_read_again_from_the_database() -> None:
    """Nobody knows whether the work took effect: the position tells."""
    assignment = positioned(0)
    assignment.accept(record(0))
    assignment.accept(record(1))
    work = assignment.take(1, 1 << 20)
    assert work is not None

    assignment.give_up(work)

    assert [owned.partition for owned in assignment.unpositioned()] == [0]
    assert not assignment.waiting


def test_more_refreshes_that_are_due_are_decided_by_the_committed_log_time() -> None:
    """Records that wait may be earlier than a refresh that is due at the time of the last of them (law L6)."""
    assignment = positioned(0, 1)
    assignment.accept(record(0, 0, timestamp=1000))
    work = assignment.take(1, 1 << 20)
    assert work is not None
    assignment.accept(record(0, 1, timestamp=1001))
    assignment.accept(record(1, 0, timestamp=9000))
    assignment.commit(work, more_due=True)

    after = assignment.take(1, 1 << 20)

    assert after is not None
    assert [read.record.partition for read in after.batch.reads] == [1]
    assert after.batch.clocks == {0: 1000, 1: 1001}
    assert after.batch.next_offsets == {0: 1, 1: 1}


def test_the_end_counts_only_beyond_what_was_read() -> None:
    """An old end-of-partition event does not make a partition idle."""
    assignment = positioned(0)
    idle = []
    for act in (
        lambda: assignment.accept(record(0)),
        lambda: assignment.end_reached(0, 0),
        lambda: assignment.end_reached(0, 1),
        lambda: assignment.accept(record(1)),
    ):
        act()
        idle.append(assignment.owned[0].at_end)

    assert idle == [False, False, True, False]
