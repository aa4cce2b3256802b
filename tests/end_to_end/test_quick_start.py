"""The original's quick start, on a running ingress and a running consumer."""

import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest

from db.digest import digest
from local.welcome import EXAMPLE
from tests.support.system import SECRET, System, wait_for

PATH = "/api/webhooks/person-change"
TOKEN = "token-of-the-tests"
INTERVAL_SECONDS = 5


class Sender:
    """A provider: signs as the original does."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, body: str | dict[str, Any], age_ms: int = 0, secret: str = SECRET, **headers: str) -> httpx.Response:
        """Post a change, signed `age_ms` ago."""
        text = body if isinstance(body, str) else json.dumps(body)
        timestamp = str(time.time_ns() // 1_000_000 - age_ms)
        signature = hmac.new(secret.encode(), f"{timestamp}.{text}".encode(), hashlib.sha256).hexdigest()
        signed = {"content-type": "application/json", "x-timestamp": timestamp, "x-signature": signature}
        return httpx.post(self.url + PATH, content=text, headers=signed | headers)


@pytest.fixture
def sender(system: System) -> Sender:
    """A provider of a running system whose limit is a few seconds: longer than a busy machine needs for a change."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": str(INTERVAL_SECONDS), "API_TOKEN": TOKEN}
    system.start_consumer()
    return Sender(ready(system.start_ingress()))


def ready(url: str) -> str:
    """Wait until ingress can store changes."""

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    wait_for("answer of the ingress", answers)
    return url


def body(event_id: str, **more: Any) -> dict[str, Any]:
    """A role change at the example's company."""
    person = {"id": "person_9", "name": "Ann", "newTitle": "VP Sales"}
    return {"id": event_id, "type": "person.role_change", "company": {"id": "company_456"}, "person": person, **more}


def test_the_example_becomes_a_buyer_group_once(system: System, sender: Sender) -> None:
    """202, then rows in the four tables; the same again is 200 and changes nothing."""
    answer = sender.post(EXAMPLE)

    assert answer.status_code == 202
    assert answer.json() == {"status": "enqueued", "eventId": "evt_test_001"}
    wait_for("buyer group", lambda: system.query("SELECT 1 FROM buyer_groups"))
    assert system.query("SELECT outcome, deliveries FROM webhook_events") == [("refreshed", 1)]
    assert system.query("SELECT cause, changes_covered, outcome FROM buyer_group_refresh_logs") == [
        ("change", 1, "changed")
    ]
    assert system.query("SELECT step, status FROM pipeline_operations") == [("save_buyer_group", "succeeded")]
    assert system.query("SELECT company_id, name, title, role FROM groups") == [
        ("company_456", "John Doe", "CRO", "decision_maker")
    ]

    before = digest(system.database_url)
    again = sender.post(EXAMPLE)
    assert (again.status_code, again.json()["status"]) == (200, "already_processed")
    time.sleep(0.3)
    assert digest(system.database_url) == before

    group = httpx.get(
        f"{sender.url}/api/v1/intelligence/buyer-group/company_456", headers={"authorization": f"Bearer {TOKEN}"}
    ).json()
    assert (group["version"], group["members"][0]["name"], bool(group["members"][0]["why"])) == (1, "John Doe", True)


def test_the_address_documents_itself(sender: Sender) -> None:
    """Somebody with a browser learns how to sign and what to send."""
    document = httpx.get(sender.url + PATH).json()

    assert set(document["signature"]["headers"]) == {"x-signature", "x-timestamp"}
    assert document["example"] == json.loads(EXAMPLE)


def test_who_does_not_prove_it_is_refused(system: System, sender: Sender) -> None:
    """A wrong signature, a missing one, and one ten minutes old: 401, and nothing is in the log."""
    wrong = sender.post(EXAMPLE, secret="somebody else's secret")
    missing = httpx.post(sender.url + PATH, content=EXAMPLE, headers={"content-type": "application/json"})
    old = sender.post(EXAMPLE, age_ms=600_000)

    assert [answer.status_code for answer in (wrong, missing, old)] == [401, 401, 401]
    assert sum(system.ends().values()) == 0


def test_a_move_changes_both_companies(system: System, sender: Sender) -> None:
    """Somebody leaves one group and joins the other; each company has its own record and its own refresh."""
    first = body("e1", company={"id": "old-co", "name": "Old"})
    sender.post(first)
    wait_for("first group", lambda: system.query("SELECT 1 FROM groups WHERE company_id = 'old-co'"))
    time.sleep(INTERVAL_SECONDS)  # the limit: both refresh at once

    move = body("e2", type="person.company_change", company={"id": "new-co", "name": "New"})
    move["person"] |= {"oldCompany": {"id": "old-co", "name": "Old"}, "newTitle": "CRO"}
    assert sender.post(move).status_code == 202

    wait_for("member of the new group", lambda: system.query("SELECT 1 FROM groups WHERE company_id = 'new-co'"))
    wait_for("empty old group", lambda: not system.query("SELECT 1 FROM groups WHERE company_id = 'old-co'"))
    assert system.query(
        "SELECT company_id, event_id, outcome FROM webhook_events WHERE event_id = 'e2' ORDER BY 1"
    ) == [
        ("new-co", "e2", "refreshed"),
        ("old-co", "e2", "refreshed"),
    ]
    assert system.query("SELECT company_id, kind FROM buyer_group_changes WHERE version > 1 OR company_id = 'new-co'")


def test_a_second_change_is_on_the_roster_at_once_and_refreshed_by_a_tick(system: System, sender: Sender) -> None:
    """Within the limit it is deferred; when the limit is over the group follows although nothing else arrives."""
    sender.post(EXAMPLE)
    wait_for("first group", lambda: system.query("SELECT 1 FROM groups"))
    sender.post(body("e2"))

    ((outcome, due),) = wait_for(
        "second outcome",
        lambda: system.query("SELECT outcome, refresh_due_at FROM webhook_events WHERE event_id = 'e2'"),
    )
    assert outcome == "deferred"
    assert system.query("SELECT title FROM roster WHERE person_id = 'person_9'") == [("VP Sales",)]
    assert not system.query("SELECT 1 FROM groups WHERE person_id = 'person_9'")

    wait_for("trailing refresh", lambda: system.query("SELECT 1 FROM groups WHERE person_id = 'person_9'"))
    assert system.query(
        "SELECT log_time, changes_covered, outcome FROM buyer_group_refresh_logs WHERE cause = 'trailing'"
    ) == [(due, 1, "changed")]
    assert system.query("SELECT sum(tick) > 0 FROM consumer_positions") == [(True,)]
    assert system.query("SELECT version FROM buyer_groups") == [(2,)]
