"""What sellers are told, from the signed webhook to the topic of updates, on running processes."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from schemas.codec import Codec
from tests.support.changes import NOW, change
from tests.support.system import SECRET, System, wait_for
from tests.support.updates import Updates

CODEC = Codec("buyer_group_updated")


@pytest.fixture
def updates(system: System, make_topic: Callable[..., str]) -> Iterator[Updates]:
    """A system at work, whose limit is short."""
    with at_work(system, make_topic(partitions=4), "0.2") as made:
        yield made


@contextmanager
def at_work(system: System, topic: str, limit: str) -> Iterator[Updates]:
    """A consumer and a relay."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": limit, "BUYER_GROUP_UPDATES_TOPIC": topic}
    made = Updates(system, topic)
    with made.relays_here(), system.consumer_here():
        yield made


def told(updates: Updates, company: str, version: int) -> list[dict[str, Any]]:
    """All that is told of a company, once so many versions of its group are."""

    def found() -> list[dict[str, Any]]:
        read = [CODEC.decode(message.value()) for message in updates.messages()]
        return [update for update in read if update["company_id"] == company]

    wait_for(f"version {version} of {company}", lambda: len(found()) >= version)
    return found()


def kinds(update: dict[str, Any]) -> list[tuple[str, str | None, str | None, str | None]]:
    """The lines of an update without their sentences."""
    return [(line["kind"], line["person_id"], line["before"], line["after"]) for line in update["changes"]]


def test_who_leaves_is_told_with_where_to_and_that_nobody_decides_now(updates: Updates) -> None:
    """A posted company change: the old company's sellers hear where to, and which role is open; then it is filled."""
    system = updates.system
    system.publish(
        [change("e1", "old", "p1", "CRO", occurred_at=1), change("e2", "old", "p2", "Sales Manager", occurred_at=2)]
    )
    wait_for("both members", lambda: system.query("SELECT 1 FROM groups WHERE person_id = 'p2'"))
    move = {
        "id": "evt_move",
        "type": "person.company_change",
        "company": {"id": "new", "name": "New Company"},
        "person": {"id": "p1", "name": "Ann", "newTitle": "CRO", "oldCompany": {"id": "old", "name": "Old Company"}},
    }
    assert post(system.start_ingress(), move).status_code == 202
    wait_for(
        "departure",
        lambda: not system.query("SELECT 1 FROM groups WHERE company_id = 'old' AND role = 'decision_maker'"),
    )
    version = system.query("SELECT version FROM buyer_groups WHERE company_id = 'old'")[0][0]
    system.publish([change("e3", "old", "p3", "VP Sales", occurred_at=9)])

    left, filled = told(updates, "old", version + 1)[-2:]
    assert kinds(left) == [("left", "p1", "decision_maker", None), ("incomplete", None, None, "decision_maker")]
    assert [line["why"] for line in left["changes"]] == ["left for New Company", "no decision maker left"]
    assert left["changes"][0]["went_to"] == {"company_id": "new", "name": "New Company"}
    assert (left["cause"]["event_ids"], left["missing_roles"]) == (["evt_move"], ["decision_maker"])
    assert kinds(filled) == [("joined", "p3", None, "decision_maker"), ("complete", None, "decision_maker", None)]
    assert filled["missing_roles"] == []


def test_a_promotion_is_told_with_both_levels_and_both_titles_and_a_spelling_is_not(updates: Updates) -> None:
    """Manager to vice president; then the same office in other words, which is no message."""
    system = updates.system
    for number, title in enumerate(["Sales Manager", "VP Sales", "Vice President, Sales", "CRO"]):
        system.publish([change(f"e{number}", "acme", "p1", title, occurred_at=NOW + number)])
        wait_for("title in the group", lambda: system.query(f"SELECT 1 FROM groups WHERE title = '{title}'"))  # noqa: B023, S608

    versions = told(updates, "acme", 3)
    assert [update["version"] for update in versions] == [1, 2, 3]
    assert ("promoted", "p1", "manager", "vp") in kinds(versions[1])
    assert kinds(versions[2]) == [("promoted", "p1", "vp", "c_level")]
    assert versions[2]["changes"][0]["why"].startswith("Vice President, Sales is CRO now; ")


def test_a_flap_within_one_refresh_is_silence(system: System, make_topic: Callable[..., str]) -> None:
    """There and back before anybody looked: the changes are applied, nobody is told."""
    titles = ["CRO", "CFO", "CRO"]
    flap = [change(f"e{n}", "acme", "p1", title, occurred_at=NOW + n) for n, title in enumerate(titles)]
    system.publish([*flap, change("last", "acme", "p2", "VP Sales", occurred_at=NOW + 9)])

    with at_work(system, make_topic(partitions=4), "3") as updates:
        first, last = told(updates, "acme", 2)
    assert kinds(first) == [("joined", "p1", None, "decision_maker")]
    assert kinds(last) == [("joined", "p2", None, "decision_maker")]
    assert last["cause"]["event_ids"] == ["e1", "e2", "last"]


def post(url: str, document: dict[str, Any]) -> httpx.Response:
    """Post a change, signed as the original does, as soon as ingress can store it."""

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for("ingress", ready)
    text, timestamp = json.dumps(document), str(time.time_ns() // 1_000_000)
    signature = hmac.new(SECRET.encode(), f"{timestamp}.{text}".encode(), hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-timestamp": timestamp, "x-signature": signature}
    return httpx.post(f"{url}/api/webhooks/person-change", content=text, headers=headers)
