"""Which lane takes what of the records that wait: any partition of which no batch is under way, in turns."""

from consumers.runtime.assignment import Assignment, Work
from db.rows import PositionRow
from tests.support.assignments import positioned, record


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
