"""L5 and L6 with wrong clocks: what is due fires once, at its log time, whoever comes, goes, or has the wrong time."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from unittest import mock

import pytest

from consumers.runtime.processor import Processor, Result
from consumers.runtime.records import Batch
from db.digest import digest
from schemas.events import PersonChange
from schemas.topics import company_key, partition_for
from tests.support.changes import change
from tests.support.system import System, wait_for

COMPANIES = 20
HOUR_NS = 3_600_000_000_000
WATCHED_SECONDS = 5.0
FIRED = """
SELECT e.event_id FROM webhook_events e
JOIN buyer_group_refresh_logs r ON r.company_id = e.company_id AND r.log_time = e.refresh_due_at
WHERE e.outcome = 'deferred' AND r.cause = 'trailing' AND r.changes_covered = 1
"""


def pairs(name: str) -> Iterator[PersonChange]:
    """Two changes of each company: the first is refreshed at once, the second is due an interval later."""
    for event in ("at-once", "later"):
        for number in range(COMPANIES):
            yield change(f"{name}-{event}", f"{name}-{number}", person=event, occurred_at=time.time_ns() // 10**6)


def pending(system: System) -> int:
    """How many companies wait for a refresh."""
    return int(system.query("SELECT count(*) FROM companies WHERE refresh_due_at IS NOT NULL")[0][0])


def assert_all_fired_once(system: System, groups_of_companies: int) -> None:
    """Each deferred change is covered by the refresh it was told, alone, and no company has another."""
    every = COMPANIES * groups_of_companies
    assert len(system.query(FIRED)) == every
    assert system.query("SELECT count(*) FROM buyer_group_refresh_logs") == [(2 * every,)]


def assert_as_with_a_right_clock(system: System, database_url: str) -> None:
    """The same log, folded by one consumer with the right time, gives the same rows."""
    system.drain()
    honest = replace(system, database_url=database_url)
    honest.drain(consumer_group=f"{system.topic}-honest")
    assert digest(system.database_url) == digest(honest.database_url)


def ticks(system: System) -> int:
    """How many ticks were read."""
    return int(system.query("SELECT sum(tick) FROM consumer_positions")[0][0])


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_an_hour_off_changes_nothing(
    system: System, make_database: Callable[[], str], hours: int
) -> None:
    """Ahead, it makes no storm of ticks; behind, nobody waits an hour: the broker says what time it is."""
    interval = 8
    system.settings |= {"REFRESH_INTERVAL_SECONDS": str(interval)}
    with system.consumer_here(lambda: time.time_ns() + hours * HOUR_NS):
        system.publish(pairs("off"))
        wait_for("end of the log", system.settled)

    assert_all_fired_once(system, 1)
    assert 0 < ticks(system) < interval * system.partitions, "fewer than one a second and partition"
    assert_as_with_a_right_clock(system, make_database())


def test_what_is_due_fires_once_while_consumers_come_and_go(system: System, make_database: Callable[[], str]) -> None:
    """One an hour ahead, one an hour behind, one right; two are killed and one leaves while something is due."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "4"}
    ahead, behind = system.start_consumer_with_clock(1), system.start_consumer_with_clock(-1)
    wait_for("consumers at work", lambda: system.assigned(ahead) and system.assigned(behind))
    system.publish(pairs("first"))
    wait_for("due refresh", lambda: pending(system))
    system.kill(ahead)
    right = system.start_consumer()
    wait_for("third consumer", lambda: system.assigned(right))
    system.publish(pairs("second"))
    wait_for("due refresh", lambda: pending(system))
    system.kill(behind)
    wait_for("end of the log", system.settled)
    heir = system.start_consumer_with_clock(-1)
    system.publish(pairs("third"))
    wait_for("due refresh", lambda: pending(system))
    assert system.stop(right) == 0
    wait_for("end of the log", system.settled)
    assert system.stop(heir) == 0

    assert_all_fired_once(system, 3)
    assert_as_with_a_right_clock(system, make_database())


def test_what_fell_due_while_nobody_was_there_fires_at_its_time(
    system: System, make_database: Callable[[], str]
) -> None:
    """The only consumer is killed; whoever comes later has a clock an hour behind, and no record to learn from."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "3"}
    system.publish(pairs("alone"))
    first = system.start_consumer_with_clock(-1)
    wait_for("all of them due", lambda: pending(system) == COMPANIES)
    system.kill(first)
    ((due,),) = system.query("SELECT max(refresh_due_at) FROM companies")
    wait_for("time", lambda: time.time() > due.timestamp())

    heir = system.start_consumer_with_clock(-1)
    wait_for("end of the log", system.settled)

    assert system.stop(heir) == 0
    assert_all_fired_once(system, 1)
    assert_as_with_a_right_clock(system, make_database())


def test_an_idle_system_appends_nothing(system: System) -> None:
    """Three consumers, clocks an hour apart; nothing due, or not for an hour: then the time is asked once by each."""
    children = [system.start_consumer_with_clock(hours) for hours in (1, 0, -1)]
    wait_for("consumers at work", lambda: all(system.assigned(child) for child in children))
    system.publish(change(f"e{n}", f"company-{n}") for n in range(COMPANIES))
    wait_for("outcomes", lambda: system.applied() == COMPANIES)
    time.sleep(WATCHED_SECONDS)  # what is promised is that nothing happens
    assert sum(system.ends().values()) == COMPANIES

    system.publish(pairs("waits"))
    wait_for("all of them due", lambda: pending(system) == COMPANIES)
    time.sleep(WATCHED_SECONDS)
    asked = 2 * len(children)  # a busy broker may answer one of them late
    assert sum(system.ends().values()) <= 3 * COMPANIES + asked
    assert [system.stop(child) for child in children] == [0, 0, 0]


def test_what_is_due_on_a_quiet_partition_does_not_wait_for_a_busy_one(system: System) -> None:
    """One lane of one consumer has both, and more records of the busy one than it can do."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "2"}
    quiet, busy = (next(name for name in names() if home(name, system) == partition) for partition in (0, 2))
    process = Processor.process

    def slowly(processor: Processor, batch: Batch) -> Result:
        time.sleep(0.05)
        return process(processor, batch)

    with mock.patch.object(Processor, "process", slowly), system.consumer_here(batch_max_records=1, consumer_lanes=1):
        system.publish([change("e1", quiet), change("e2", quiet, person="p2")])
        wait_for("due refresh", lambda: pending(system))
        wait_for("trailing refresh", lambda: keep_busy(system, busy) and system.query(FIRED))


def keep_busy(system: System, company: str, records: int = 150) -> bool:
    """See to it that so many records of a company wait to be applied."""
    behind = sum(system.ends().values()) - system.consumed()
    fresh = (change(f"e{time.time_ns()}-{n}", company, kind="other.type") for n in range(max(0, records - behind)))
    system.publish(fresh)
    return True


def names() -> Iterator[str]:
    """Company ids without end."""
    return (f"company-{n}" for n in range(10_000))


def home(name: str, system: System) -> int:
    """A company's partition."""
    return partition_for(company_key(name), system.partitions)
