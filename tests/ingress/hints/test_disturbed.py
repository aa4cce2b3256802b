"""Resolvers that are killed, cut off from their database, or replaced: no hint is lost, none counts twice."""

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from local.process import Child
from tests.support.changes import NOW
from tests.support.hinting import PATH, all_read, event, events, known, parked, roster
from tests.support.payloads import hubspot
from tests.support.system import System, wait_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND relation = 'employments'::regclass
"""

PEOPLE, HINTS, STRANGERS = 60, 10, 20


def _hints(first: int, people: range) -> list[dict[str, Any]]:
    """New titles of contacts, in order."""
    return [
        hubspot(eventId=first + number, objectId=person, propertyValue=f"Title {number}", occurredAt=NOW + number)
        for number in range(1, HINTS + 1)
        for person in people
    ]


@pytest.fixture
def load(hinted: System, providers: "Ingress") -> int:
    """Contacts whom two companies each know, strangers, and hints about all of them; the end of the log before."""
    hinted.publish(said for person in range(PEOPLE) for said in known("hubspot", str(person), "a", f"b{person % 7}"))
    hinted.drain()
    everybody = range(PEOPLE + STRANGERS)
    for start in range(0, len(everybody), 10):
        assert providers.post(_hints(start * 1000, everybody[start : start + 10]), f"{PATH}/hubspot").status_code == 202
    return sum(hinted.ends().values())


def finish(system: System, before: int) -> int:
    """Wait until all hints are told or parked, apply the log, and hold all of it; how often changes came again."""

    def told() -> bool:
        counted = sum(system.ends().values()) >= before + PEOPLE * HINTS * 2
        return counted and len(parked(system)) == STRANGERS * HINTS and all_read(system)

    wait_for("end of the hints", told)
    system.drain()
    assert len(events(system, "hubspot")) == PEOPLE * HINTS * 2
    assert {title for *_, title in roster(system)} == {f"Title {HINTS}"}
    assert len(roster(system)) == PEOPLE * 2
    [(records, once, duplicates)] = system.query(
        "SELECT sum(consumed - tick), (SELECT count(*) FROM webhook_events), sum(duplicate) FROM consumer_positions"
    )
    assert records == once + duplicates
    return int(duplicates)


COMMIT_SECONDS = 1.5
"""Within this an offset that was stored too early would be committed."""


@pytest.mark.parametrize("table", ["employments", "parked_hints"])
def test_a_resolver_that_is_killed_loses_nothing_and_doubles_nothing(hinted: System, load: int, table: str) -> None:
    """L1 and L2: killed before its changes are in the log, or after, and before the hints are settled."""
    with psycopg.connect(hinted.database_url) as holding:
        holding.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        victim = hinted.start_resolver()
        waiting = f"SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '{table}'::regclass"  # noqa: S608  # our own
        wait_for("batch that is held", lambda: hinted.query(waiting))
        time.sleep(COMMIT_SECONDS)
        told = sum(hinted.ends().values()) - load
        hinted.kill(victim)
    hinted.start_resolver()
    again = finish(hinted, load)

    assert (told > 0, again > 0) == (table == "parked_hints",) * 2, "what was told before the kill is told again"


def test_a_resolver_whose_database_goes_away_tries_again_until_all_is_told(hinted: System, load: int) -> None:
    """Its connection is cut in the middle of a batch, three times."""
    with psycopg.connect(hinted.database_url) as holding:
        holding.execute("LOCK TABLE employments IN ACCESS EXCLUSIVE MODE")
        victim = hinted.start_resolver()
        for cuts in range(1, 4):
            wait_for("batch that is held", lambda: hinted.query(CUT))
            wait_for("complaint", partial(_complained, hinted, victim, cuts))
    finish(hinted, load)


def _complained(system: System, resolver: Child, times: int) -> bool:
    """Whether the resolver has spoken of trouble so often."""
    return sum("cannot be resolved now" in line["event"] for line in system.log_lines(resolver)) >= times


def test_two_resolvers_share_the_hints_and_one_that_stops_hands_its_over(hinted: System, providers: "Ingress") -> None:
    """A deployment: one comes, one goes with exit code 0, and every hint is told."""
    hinted.publish(known("hubspot", "1", "a"))
    hinted.drain()
    first, second = hinted.start_resolver(), hinted.start_resolver()
    wait_for("partition that each has", lambda: all(hinted.assigned(child) for child in (first, second)))
    for number in range(20):
        titled = event(eventId=number, objectId=1, propertyValue=f"Title {number}", occurredAt=NOW + 1 + number)
        assert providers.post([titled], f"{PATH}/hubspot").status_code == 202
        if number == 10:
            assert hinted.stop(first) == 0
    wait_for("all of them", partial(all_read, hinted))
    assert hinted.stop(second) == 0
    hinted.drain()

    assert roster(hinted) == [("a", "1", "Title 19")]
    assert len(events(hinted, "hubspot")) == 20
