"""L2 and L3 in bad rebalances: a consumer that sleeps in the middle of a batch, a late database."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from unittest import mock

import pytest
import structlog.testing

from consumers.runtime.loop import Loop
from db.digest import digest
from db.rows import BatchWrites
from db.store import Store
from tests.support.changes import random_log
from tests.support.system import System, wait_for

SOON = {"REFRESH_INTERVAL_SECONDS": "2", "BATCH_MAX_RECORDS": "200"}
INTERVALS = {
    "consumer": {"max.poll.interval.ms": 3000},
    "classic": {"max.poll.interval.ms": 6000, "session.timeout.ms": 6000},
}


@dataclass
class Sleep:
    """What a consumer of this process falls into when it is about to commit a batch, until it is woken.

    Attributes:
        after_batches: it happens at this one or later.
        polling_stops: the thread that polls sleeps as well.
        partitions: it happens at a batch of at least so many.
    """

    after_batches: int
    polling_stops: bool
    partitions: int = 1
    asleep: threading.Event = field(default_factory=threading.Event)
    awake: threading.Event = field(default_factory=threading.Event)
    batches: int = 0

    @contextmanager
    def befalls(self) -> Iterator[None]:
        """As long as the context lasts, whoever consumes in this process may fall asleep, once."""
        turn, write = Loop.turn, Store.write

        def sleepy_turn(loop: Loop) -> None:
            if self.polling_stops and self.asleep.is_set():
                assert self.awake.wait(60)
            turn(loop)

        def sleepy_write(store: Store, batch: BatchWrites) -> None:
            self.batches += 1
            spans = len(batch.positions) >= self.partitions
            if self.batches >= self.after_batches and spans and not self.asleep.is_set():
                self.asleep.set()
                assert self.awake.wait(60)
            write(store, batch)

        with mock.patch.object(Loop, "turn", sleepy_turn), mock.patch.object(Store, "write", sleepy_write):
            yield


def undisturbed(system: System, database_url: str) -> System:
    """The same log, folded by one consumer that nothing happens to."""
    honest = replace(system, database_url=database_url)
    honest.drain(consumer_group=f"{system.topic}-undisturbed")
    return honest


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_zombie_that_wakes_commits_nothing(system: System, make_database: Callable[[], str], protocol: str) -> None:
    """It slept past max.poll.interval.ms with a batch in its hands; its heir moved on, so its transaction aborts."""
    system.settings |= SOON | {"GROUP_PROTOCOL": protocol}
    system.publish(random_log(41, 3000, 60))
    sleep = Sleep(after_batches=5, polling_stops=True)

    impatient = {"kafka_client_config": INTERVALS[protocol]}
    with sleep.befalls(), structlog.testing.capture_logs() as logs, system.consumer_here(**impatient):
        assert sleep.asleep.wait(60)
        heir = system.start_consumer()
        wait_for("end of the log", system.settled)
        before = digest(system.database_url)
        sleep.awake.set()
        wait_for("abort", lambda: any("moved on by another consumer" in line["event"] for line in logs))
        wait_for("loss", lambda: any("partitions lost" in line["event"] for line in logs))
        assert digest(system.database_url) == before

    assert system.stop(heir) == 0
    system.drain()
    assert digest(system.database_url) == digest(undisturbed(system, make_database()).database_url)
    assert system.positions() == system.ends()
    assert system.committed() == {p: n for p, n in system.positions().items() if n}


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_database_that_answers_late_during_a_revoke_loses_nothing(
    system: System, make_database: Callable[[], str], protocol: str
) -> None:
    """The batch does not finish within the drain: the next owner reads it again, and only one of both has an effect."""
    system.settings |= SOON | {"GROUP_PROTOCOL": protocol}
    load = random_log(42, 20_000, 60)
    sleep = Sleep(after_batches=5, polling_stops=False, partitions=system.partitions)

    with (
        sleep.befalls(),
        structlog.testing.capture_logs() as logs,
        system.consumer_here(drain_seconds=0.2, consumer_lanes=1),
    ):
        wait_for("batch of all partitions", lambda: system.publish(islice(load, 60)) and sleep.asleep.wait(0.1))
        heir = system.start_consumer()
        late = "a batch did not finish in time; whoever owns its partitions next will see"
        wait_for("revoke", lambda: any(line["event"] == late for line in logs))
        wait_for("partition for the heir", lambda: system.assigned(heir))
        sleep.awake.set()
        wait_for("end of the log", system.settled)

    assert system.stop(heir) == 0
    system.drain()
    assert digest(system.database_url) == digest(undisturbed(system, make_database()).database_url)
    assert system.committed() == {p: n for p, n in system.positions().items() if n}
