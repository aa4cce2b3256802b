"""Partitions as a consumer owns them, for tests of the bookkeeping."""

from consumers.runtime.assignment import Assignment
from consumers.runtime.records import Record
from db.rows import PositionRow


def record(offset: int, partition: int = 0, timestamp: int | None = None) -> Record:
    """A record that nobody can read; bookkeeping does not mind."""
    return Record(partition, offset, 1000 + offset if timestamp is None else timestamp, b"k", b"?", ())


def positioned(*partitions: int, next_offset: int = 0, log_time: int | None = None, lanes: int = 1) -> Assignment:
    """An assignment whose partitions are at an offset."""
    assignment = Assignment(lanes)
    assignment.add(partitions)
    for owned in assignment.unpositioned():
        assignment.position(owned, PositionRow(owned.partition, next_offset, log_time))
    return assignment
