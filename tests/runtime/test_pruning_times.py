"""When a lane prunes, by a clock of the test's own, and with a consumer that always has records."""

from itertools import pairwise
from typing import Any

import psycopg
import pytest

from consumers.runtime import loop
from consumers.runtime import pruning as rules
from consumers.runtime.lanes import Lane
from consumers.runtime.loop import Loop
from consumers.runtime.pruning import PRUNE_EVERY_S, PRUNE_LATEST_S, PRUNE_PAUSE_S, PRUNE_REST, Pruning
from tests.support.changes import random_log
from tests.support.system import System, wait_for

STATEMENT_S = 0.01


def statements(pruning: Pruning, until: float, *, idle: bool, left: int = 0, took: float = STATEMENT_S) -> list[float]:
    """When a lane that looks at its clock a hundred times a second prunes; `left`: statements that leave some."""
    times, now = [], 0.0
    while now < until:
        if pruning.due(now, idle=idle):
            times.append(now)
            pruning.start(now)
            now += took
            pruning.end(now, more=len(times) <= left)
        now += 0.01
    return times


def test_a_lane_without_records_prunes_once_a_minute() -> None:
    """At once, and then by the pause."""
    times = statements(Pruning(), 200, idle=True)

    assert times == pytest.approx([0, PRUNE_EVERY_S, 2 * PRUNE_EVERY_S, 3 * PRUNE_EVERY_S], abs=0.1)


def test_a_lane_that_is_never_idle_prunes_when_it_is_late() -> None:
    """First when nothing is known of what was done before, then after so long a time, whatever waits."""
    times = statements(Pruning(), 2.5 * PRUNE_LATEST_S, idle=False)

    assert times == pytest.approx([0, PRUNE_LATEST_S, 2 * PRUNE_LATEST_S], abs=0.1)


@pytest.mark.parametrize("idle", [True, False])
def test_what_is_late_is_caught_up_with(idle: bool) -> None:
    """While there is more, a statement each pause: records come as fast, one in ten minutes would be left behind."""
    times = statements(Pruning(), 30, idle=idle, left=40)

    assert len(times) == 41
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == pytest.approx([PRUNE_PAUSE_S] * 40, abs=0.1)


@pytest.mark.parametrize("took", [0.01, 0.5, 2.0])
def test_pruning_takes_a_tenth_of_a_busy_lane_at_most(took: float) -> None:
    """However slow the database is, records get the rest."""
    times = statements(Pruning(), 600, idle=False, left=1_000_000, took=took)

    assert len(times) > 20
    assert len(times) * took <= 600 / (PRUNE_REST + 1) + took


def test_an_outage_does_not_put_pruning_off_for_long() -> None:
    """A statement that was tried again for an hour is followed by the next as after any other."""
    pruning = Pruning()
    pruning.start(0)
    pruning.end(3600, more=True)

    assert not pruning.due(3600 + PRUNE_EVERY_S - 1, idle=False)
    assert pruning.due(3600 + PRUNE_EVERY_S, idle=False)


def test_a_consumer_under_constant_load_prunes(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statements go before records that wait, until nothing is left that is too old; and the log is read to its end."""
    system.publish(random_log(51, 100, 10))
    with system.consumer_here():
        wait_for("end of the log", lambda: system.positions() == system.ends())
    with psycopg.connect(system.database_url) as conn:
        conn.execute("UPDATE webhook_events SET log_time = log_time - interval '900 d'")
    monkeypatch.setattr(loop, "PRUNE_ROWS", 10)
    monkeypatch.setattr(rules, "PRUNE_PAUSE_S", 0.05)
    waited: list[int] = []
    start = Loop._prune

    def noting(self: Loop, lane: Lane, prune: Any) -> None:
        waited.append(self.assignment.waiting)
        start(self, lane, prune)

    monkeypatch.setattr(Loop, "_prune", noting)
    old = "SELECT count(*) FROM webhook_events WHERE log_time < now() - interval '800 d'"
    system.publish(random_log(52, 2000, 10))

    with system.consumer_here(consumer_lanes=1, batch_max_records=5):
        wait_for("pruning", lambda: system.query(old) == [(0,)])
        behind = sum(system.ends().values()) - sum(system.positions().values())
        wait_for("end of the log", lambda: system.positions() == system.ends())

    assert behind > 0
    assert sum(waiting > 0 for waiting in waited) >= 3, "statements that went before records"
