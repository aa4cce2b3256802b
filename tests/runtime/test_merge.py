"""The log read in one order: by log time, partition and offset, whatever the broker hands over first."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.replay.log import AHEAD_BYTES, Merge
from consumers.runtime.records import Record


def record(partition: int, offset: int, timestamp: int, value: bytes = b"") -> Record:
    """A record without a key."""
    return Record(partition, offset, timestamp, None, value, ())


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=4), st.data())
def test_any_hand_over_gives_one_order(times: list[list[int]], data: st.DataObject) -> None:
    """Partitions come in any turns and pieces: what comes out is the same, and each record once."""
    logs = {p: [record(p, n, at) for n, at in enumerate(line)] for p, line in enumerate(times)}
    merge, found = Merge(dict.fromkeys(logs, 0)), list[Record]()
    unread = {p: [*log] for p, log in logs.items()}
    while unread:
        partition = data.draw(st.sampled_from(sorted(unread)))
        if unread[partition]:
            merge.take(unread[partition].pop(0))
        else:
            merge.end(partition)
            del unread[partition]
        found += merge.ready()

    def place(one: Record) -> tuple[int, int, int]:
        return max(times[one.partition][: one.offset + 1]), one.partition, one.offset

    assert found == sorted((one for log in logs.values() for one in log), key=place)


def test_what_nothing_can_precede_does_not_wait() -> None:
    """A record goes on as soon as all other partitions are as far; an end that is reached holds up nobody."""
    merge = Merge({0: 0, 1: 5})
    merge.take(record(0, 0, 10))
    assert merge.ready() == []
    merge.take(record(1, 5, 11))
    assert [r.timestamp for r in merge.ready()] == [10]
    merge.end(0)
    assert [r.timestamp for r in merge.ready()] == [11]
    assert merge.unread == {1}


def test_a_partition_that_is_far_ahead_is_told() -> None:
    """So that it can be paused; the one that the others wait for never is, or nothing would go on."""
    merge = Merge({0: 0, 1: 0})
    merge.take(record(0, 0, 10, bytes(AHEAD_BYTES)))
    assert merge.ready() == []
    assert merge.ahead() == {0}
    merge.take(record(1, 0, 9, bytes(AHEAD_BYTES)))
    assert len(merge.ready()) == 1
    assert merge.ahead() == {0}
    merge.end(1)
    assert len(merge.ready()) == 1
    assert not merge.ahead()


def test_a_record_that_comes_again_is_left_out() -> None:
    """After a pause the client may fetch what it had."""
    merge = Merge({0: 0})
    for _ in range(2):
        merge.take(record(0, 0, 10))
    merge.end(0)
    assert len(merge.ready()) == 1
