"""L3: changes of one company take effect in log order, across crashes, rebalances and several consumers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import cycle, islice
from typing import Any, Final

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState, Deferred, Delivery, Folded, Refreshed
from consumers.replay.log import read_log
from schemas.codec import decode_change
from schemas.events import PersonChange
from tests.support.changes import NOW, change
from tests.support.system import System, wait_for

COMPANIES: Final = tuple(f"c{number}" for number in range(12))
TITLES: Final = ("CRO", "VP Sales", "Head of IT", "Buyer")
"""Each is news for a group after each other."""
CHANGES, PORTION = 720, 36
INTERVAL_MS: Final = 5


def test_changes_of_a_company_take_effect_in_log_order(system: System) -> None:
    """L3: outcomes, refreshes and versions are those of the log in its order, across a crash and two hand-overs."""
    system.settings |= {"BATCH_MAX_RECORDS": "40", "REFRESH_INTERVAL_SECONDS": str(INTERVAL_MS / 1000)}
    changes = [
        change(f"e{n}", company=company, title=TITLES[n // len(COMPANIES) % len(TITLES)], occurred_at=NOW + n)
        for n, company in enumerate(islice(cycle(COMPANIES), CHANGES))
    ]
    publish_in_portions(system, changes[: CHANGES // 2])
    first = system.start_consumer()
    wait_for("progress", lambda: system.consumed() > 50)
    second = system.start_consumer()
    wait_for("partition for the second", lambda: system.assigned(second))
    system.kill(first)
    publish_in_portions(system, changes[CHANGES // 2 :])
    third = system.start_consumer()
    wait_for("partition for the third", lambda: system.assigned(third))
    assert system.stop(second) == 0
    wait_for("end of the log", system.settled)
    assert system.stop(third) == 0
    system.drain()

    wanted = folded_in_order(system)
    assert sorted(wanted) == sorted(COMPANIES)
    assert inbox(system) == {company: outcomes_of(done) for company, done in wanted.items()}
    assert refreshes(system) == {company: refreshes_of(done) for company, done in wanted.items()}
    assert versions(system) == {company: versions_of(done) for company, done in wanted.items()}
    assert min(map(len, versions(system).values())) > 10, "the order of a company's changes shows in its versions"


def publish_in_portions(system: System, changes: Sequence[PersonChange]) -> None:
    """Three changes of each company at a time: the broker gives what comes together one time."""
    for at in range(0, len(changes), PORTION):
        system.publish(changes[at : at + PORTION])


def folded_in_order(system: System) -> dict[str, Folded]:
    """What the pure core makes of each company's changes as they stand in the log, all at once."""
    ends = system.positions()
    clocks, logs = defaultdict[int, int](int), defaultdict[str, list[Delivery]](list)
    for records in read_log(system.consumer_settings(), dict.fromkeys(ends, 0), ends):
        for record in records:
            clocks[record.partition] = max(clocks[record.partition], record.timestamp)
            if record.key is not None:
                said = decode_change(record.value)
                place = Delivery(clocks[record.partition], record.partition, record.offset, said)
                logs[said.company.id].append(place)
    assert all([d.offset for d in log] == sorted(d.offset for d in log) for log in logs.values())
    return {
        company: fold(CompanyState(company), log, clocks[log[-1].partition], INTERVAL_MS)
        for company, log in logs.items()
    }


def outcomes_of(done: Folded) -> list[tuple[Any, ...]]:
    """Of each change, in order: what became of it, and in which refresh it is."""
    found = list[tuple[Any, ...]]()
    for delivery, outcome in done.outcomes:
        at = delivery.log_time
        match outcome:
            case Refreshed():
                found.append((delivery.change.event_id, "refreshed", at, outcome.at))
            case Deferred():
                found.append((delivery.change.event_id, "deferred", at, outcome.until))
            case _:
                found.append((delivery.change.event_id, type(outcome).__name__.lower(), at, None))
    return found


def refreshes_of(done: Folded) -> list[tuple[Any, ...]]:
    """When, why, and of how many changes."""
    return [(refresh.at, refresh.cause, refresh.covered) for refresh in done.refreshes]


def versions_of(done: Folded) -> list[tuple[Any, ...]]:
    """When the person's title was another one than at the refresh before, and which changes said so."""
    found, before = list[tuple[Any, ...]](), None
    for refresh in done.refreshes:
        (person,) = refresh.people
        title = person.job.values[1]
        if title != before:
            found.append((refresh.at, [*refresh.event_ids]))
        before = title
    return found


def inbox(system: System) -> Mapping[str, list[tuple[Any, ...]]]:
    """What live has of each change, by company."""
    return by_company(
        system,
        "SELECT company_id, event_id, outcome, log_time, refresh_due_at FROM webhook_events ORDER BY kafka_offset",
    )


def refreshes(system: System) -> Mapping[str, list[tuple[Any, ...]]]:
    """What live has of each refresh, by company."""
    return by_company(
        system,
        "SELECT company_id, log_time, cause, changes_covered FROM buyer_group_refresh_logs ORDER BY log_time",
    )


def versions(system: System) -> Mapping[str, list[tuple[Any, ...]]]:
    """When live made each version, and after which changes, by company."""
    return by_company(
        system,
        "SELECT DISTINCT ON (company_id, version) company_id, log_time, event_ids FROM buyer_group_changes "
        "ORDER BY company_id, version, position",
    )


def by_company(system: System, query: str) -> Mapping[str, list[tuple[Any, ...]]]:
    """Rows of a query, times in ms, by their first column."""
    found = defaultdict[str, list[tuple[Any, ...]]](list)
    for company, *row in system.query(query):
        found[company].append(tuple(_ms(v) if isinstance(v, datetime) else v for v in row))
    return found


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
