"""L1, L2, L3, L6: whatever crashes, the log decides."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from db.digest import digest
from tests.support.changes import random_log
from tests.support.system import System, wait_for

CHANGES, COMPANIES = 10_000, 500


@pytest.mark.parametrize("seed", range(5))
def test_a_killed_consumer_loses_nothing_and_does_nothing_twice(
    system: System, make_database: Callable[[], str], seed: int
) -> None:
    """Killed in the middle of a batch and started again: every row is that of an undisturbed run."""
    rng = random.Random(seed)
    system.settings |= {"BATCH_MAX_RECORDS": "150", "REFRESH_INTERVAL_SECONDS": "3"}
    system.publish(random_log(seed, CHANGES, COMPANIES))

    victim = system.start_consumer()
    wait_for("record that was consumed", system.consumed)
    target = rng.randrange(CHANGES // 10, CHANGES // 2)
    wait_for("progress", lambda: system.consumed() >= target or victim.popen.poll() is not None)
    system.kill(victim)
    at_the_kill = system.consumed()
    heir = system.start_consumer()
    wait_for("end of the log", system.settled)
    assert system.stop(heir) == 0
    system.drain()

    assert 0 < at_the_kill < CHANGES, "it was killed in the middle"
    undisturbed = replace(system, database_url=make_database(), settings={"REFRESH_INTERVAL_SECONDS": "3"})
    undisturbed.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(system.database_url) == digest(undisturbed.database_url)
    assert_every_change_has_one_outcome(system)
    assert system.committed() == {p: n for p, n in system.positions().items() if n}


def assert_every_change_has_one_outcome(system: System) -> None:
    """L7: the log, the positions and the inbox agree."""
    ((consumed, duplicates, ticks),) = system.query(
        "SELECT sum(consumed), sum(duplicate), sum(tick) FROM consumer_positions"
    )
    ((changes, deliveries),) = system.query("SELECT count(*), sum(deliveries) FROM webhook_events")
    assert consumed == sum(system.ends().values())
    assert consumed - ticks == deliveries == CHANGES
    assert changes + duplicates == CHANGES


def test_a_database_that_goes_away_holds_the_consumer_up_and_loses_nothing(system: System) -> None:
    """Its connection is cut again and again in the middle of batches: it tries again until all is applied."""
    system.settings |= {"BATCH_MAX_RECORDS": "100"}
    count = system.publish(random_log(11, 3000, 100))
    consumer = system.start_consumer()

    def cut() -> bool:
        system.query("""
            SELECT pg_terminate_backend(l.pid)
            FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND l.pid <> pg_backend_pid()
        """)
        return system.applied() >= count

    wait_for("end of the log", cut)
    assert system.stop(consumer) == 0
    assert system.positions() == system.ends()
    assert any("the database cannot do it now" in line["event"] for line in system.log_lines(consumer))
