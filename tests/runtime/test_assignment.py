"""The bookkeeping of partitions: what may be accepted, taken, committed, and what no longer counts."""

from dataclasses import replace

from consumers.runtime.assignment import Assignment, Work
from consumers.runtime.records import Record
from db.rows import PositionRow
from schemas.codec import encode_change
from schemas.events import ChangeType, PersonChange
from tests.support.assignments import positioned
from tests.support.changes import change


def record(offset: int, partition: int = 0, timestamp: int | None = None) -> Record:
    """A record that nobody can read; bookkeeping does not mind."""
    return Record(partition, offset, 1000 + offset if timestamp is None else timestamp, b"k", b"?", ())


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


def two_lanes(partitions: int, records: int) -> Assignment:
    """Two lanes, and so many records of each partition that wait, in turns."""
    assignment = positioned(*range(partitions), lanes=2)
    for offset in range(records):
        for partition in range(partitions):
            assignment.accept(record(offset, partition))
    return assignment


def took(assignment: Assignment, lane: int, most: int = 100) -> Work:
    """What a lane takes; it must find something."""
    work = assignment.take(most, 1 << 20, lane)
    assert work is not None
    return work


def test_batches_of_a_partition_follow_each_other() -> None:
    """Two batches under way never share a partition, whichever lane has done the last one."""
    assignment = two_lanes(4, 3)

    first, second = took(assignment, 0, 4), took(assignment, 1)

    assert first.batch.next_offsets == {0: 3, 1: 1}
    assert second.batch.next_offsets == {2: 3, 3: 3}
    assert assignment.waiting == 2
    assert assignment.take(10, 1 << 20, 1) is None, "one batch a lane at a time"
    assert assignment.commit(second, more_due=False) == {2: 3, 3: 3}
    assert assignment.take(10, 1 << 20, 1) is None, "the rest of 1 waits for the batch before it"
    assert assignment.commit(first, more_due=False) == {0: 3, 1: 1}
    assert took(assignment, 1).batch.expected == {1: 1}


def test_a_lane_that_is_done_goes_on_with_any_partition() -> None:
    """However unevenly records lie on partitions, no lane waits while there are some that nobody works on."""
    assignment = two_lanes(2, 1)
    slow = took(assignment, 0)
    assert slow.batch.next_offsets == {0: 1}

    for offset in range(3):
        assert assignment.commit(took(assignment, 1), more_due=False) == {1: offset + 1}
        assignment.accept(record(offset + 1, 1))

    assignment.commit(slow, more_due=False)
    assert took(assignment, 0).batch.expected == {1: 3}


def test_a_partition_waits_for_its_turn_behind_the_others() -> None:
    """One that has more than a batch has room for does not hold up the rest: what is left of it comes after them."""
    assignment = positioned(0, 1)
    for partition, count in ((0, 5), (1, 1)):
        for offset in range(count):
            assignment.accept(record(offset, partition))

    turns = []
    while work := assignment.take(2, 1 << 20):
        turns.append(work.batch.next_offsets)
        assignment.commit(work, more_due=False)

    assert turns == [{0: 2}, {1: 1, 0: 3}, {0: 5}]


def test_a_lane_takes_no_more_than_its_share_of_the_partitions() -> None:
    """So another lane finds work too, and one that is stuck holds up no more than that."""
    assignment = two_lanes(5, 1)

    assert took(assignment, 0).batch.next_offsets == {0: 1, 1: 1, 2: 1}
    assert took(assignment, 1).batch.next_offsets == {3: 1, 4: 1}


def test_what_is_due_on_a_partition_waits_for_the_batch_that_is_under_way() -> None:
    """Both would advance the same position, so a partition is in one batch, for its records or for what is due."""
    assignment = two_lanes(2, 1)
    assignment.commit(took(assignment, 0), more_due=True)
    assignment.accept(record(1, 0))

    assert took(assignment, 0).batch.next_offsets == {1: 1, 0: 1}
    assert assignment.take(100, 1 << 20, 1) is None


def test_a_partition_that_came_back_waits_for_the_batch_of_before() -> None:
    """Its position is asked for, and its records are taken, when the old batch moves it no more."""
    assignment = two_lanes(2, 2)
    old = took(assignment, 0)
    assignment.drop([0])
    assignment.add([0])

    assert assignment.unpositioned(0) == []
    assert assignment.commit(old, more_due=False) == {}
    assert [owned.partition for owned in assignment.unpositioned(0)] == [0]
    assert assignment.unpositioned(1) == []


def test_what_is_given_up_by_a_lane_is_read_again_and_nothing_else() -> None:
    """Another lane's batch and records stay as they are."""
    assignment = two_lanes(2, 2)
    work, other = took(assignment, 0, 1), took(assignment, 1, 1)

    assignment.give_up(work)

    assert [owned.partition for owned in assignment.unpositioned()] == [0]
    assert assignment.waiting == 1
    assert assignment.commit(other, more_due=False) == {1: 1}


def test_the_oldest_record_of_each_partition_is_found_in_any_lane() -> None:
    """Lag in seconds counts from what is under way, then from what waits."""
    assignment = Assignment(2)
    assignment.add([0, 1])
    for owned in assignment.unpositioned():
        assignment.position(owned, PositionRow(owned.partition, 0, None))
    for offset in range(3):
        for partition in (0, 1):
            assignment.accept(record(offset, partition, timestamp=1000 * (offset + 1) + partition))
    work = assignment.take(1, 1 << 20, 0)
    assert work is not None
    assert assignment.oldest() == {0: 1000, 1: 1001}

    assignment.commit(work, more_due=False)
    assert assignment.oldest() == {0: 2000, 1: 1001}
