"""How much a consumer reads ahead of its database: so many records, and so many bytes."""

import os
from typing import Any, Final

import psycopg
import pytest

from consumers.runtime.intake import PAUSE_AFTER_S, Intake
from consumers.runtime.loop import Loop
from consumers.runtime.records import Record
from tests.support.assignments import positioned
from tests.support.system import System, wait_for

LIMIT: Final = 1000
"""Bytes that may wait, in the tests without servers."""
CLIENT_BYTES: Final = 17 * 1024 * 1024
"""What Kafka's client may have fetched before it is told to pause: its queue, and one record more."""
RECORDS, RECORD_BYTES = 400, 100_000
MEBIBYTE: Final = 1024 * 1024


class Pausable:
    """Kafka's client as far as pausing goes."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pause(self, _: Any) -> None:
        """Noted."""
        self.said.append("pause")

    def resume(self, _: Any) -> None:
        """Noted."""
        self.said.append("resume")


def record(offset: int, size: int, partition: int = 0) -> Record:
    """A record whose key and value have so many bytes."""
    return Record(partition, offset, 1000, b"k" if size else None, bytes(size - 1) if size else None, ())


def test_bytes_that_wait_are_those_of_keys_and_values() -> None:
    """Whether records are taken, their partition is lost, or they are read again."""
    assignment = positioned(0, 1)
    for offset, size in enumerate((300, 0, 200)):
        assignment.accept(record(offset, size))
        assignment.accept(record(offset, 7, partition=1))
    assert not assignment.accept(record(0, 5000)), "read before"
    assert assignment.waiting_bytes == 521

    work = assignment.take(2, MEBIBYTE)
    assert work is not None
    assert assignment.waiting_bytes == 521 - 300
    assignment.drop([1])
    assert assignment.waiting_bytes == 200
    assignment.give_up(work)
    assert assignment.waiting_bytes == 0


def test_bytes_that_a_batch_leaves_wait_again() -> None:
    """What follows an opt-out is the next batch's: it was taken, and is put back."""
    assignment = positioned(0)
    for offset in range(3):
        assignment.accept(record(offset, 100))
    work = assignment.take(3, MEBIBYTE)
    assert work is not None
    batch = work.batch
    batch.left, batch.reads = batch.reads[1:], batch.reads[:1]
    batch.next_offsets[0] = 1

    assignment.commit(work, more_due=False)

    assert (assignment.waiting, assignment.waiting_bytes) == (2, 200)


def test_partitions_are_paused_for_bytes_and_resumed_when_half_of_them_is_done(system: System) -> None:
    """A few large records are as much as many small ones."""
    client, assignment, now = Pausable(), positioned(0), [0.0]
    settings = system.consumer_settings(buffer_max_bytes=LIMIT, buffer_max_records=10)
    intake = Intake(client, assignment, settings, lambda: now[0])  # type: ignore[arg-type]  # all it is asked here
    for offset in range(4):
        assignment.accept(record(offset, 300))
    assert intake.full

    for _ in range(3):
        intake.flow()
        now[0] += PAUSE_AFTER_S
    assert client.said == ["pause"]

    for left, said in ((900, ["pause"]), (600, ["pause"]), (300, ["pause", "resume"])):
        work = assignment.take(1, 1)
        assert work is not None
        assignment.commit(work, more_due=False)
        intake.flow()
        assert assignment.waiting_bytes == left
        assert client.said == said


def test_large_records_do_not_fill_the_memory_while_the_database_does_not_answer(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is bounded by bytes; once the database answers, everything has its outcome."""
    loops, most, turn = list[Loop](), [0], Loop.turn

    def noting(loop: Loop) -> None:
        turn(loop)
        loops[:] = [loop]
        most[0] = max(most[0], loop.assignment.waiting_bytes)

    monkeypatch.setattr(Loop, "turn", noting)
    bounds = {"buffer_max_bytes": MEBIBYTE, "dead_letter_run_limit": 10 * RECORDS, "dead_letter_ratio_limit": 1.0}
    with system.consumer_here(**bounds):
        wait_for("positions", lambda: bool(loops) and loops[0].positioned)
        with psycopg.connect(system.database_url) as holder:
            holder.execute("LOCK TABLE dead_letters IN ACCESS EXCLUSIVE MODE")
            for _ in range(0, RECORDS, 100):
                system.publish_bytes(*((b"k", os.urandom(RECORD_BYTES)) for _ in range(100)))
            wait_for("a pause", lambda: loops[0]._intake._paused)
        wait_for("outcomes", lambda: system.query("SELECT count(*) FROM dead_letters") == [(RECORDS,)])
    assert MEBIBYTE <= most[0] < MEBIBYTE + CLIENT_BYTES < RECORDS * RECORD_BYTES
