"""What became of a change, in sentences: from the inbox, the refresh log and the dead letters."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

AUTHORIZATION = "Bearer a-token-for-tests-only"
T1, T2 = 1_764_000_000_000, 1_764_003_600_000
"""2025-11-24, 16:00 and 17:00."""


@pytest.fixture
def reader(start: "Callable[..., Ingress]", database_url: str) -> "Ingress":
    """The application with a database of the test's own, without a broker."""
    return start(database_url=database_url)


@pytest.fixture
def applied(database_url: str) -> Callable[..., None]:
    """`applied(company, outcome, …)`: the change (s, e) had this outcome there."""

    def insert(company: str, outcome: str, refresh_at: int | None = None, source: str = "s", **other: Any) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO webhook_events (company_id, source, event_id, type, occurred_at, received_at, log_time,"
                " outcome, reason, refresh_due_at, kafka_partition, kafka_offset, deliveries)"
                " VALUES (%s, %s, %s, 'person.promotion', from_ms(%s), from_ms(%s), from_ms(%s), %s, %s, from_ms(%s),"
                " 0, 0, %s)",
                (
                    *(company, source, other.get("event_id", "e"), T1, T1, T1, outcome, other.get("reason")),
                    *(refresh_at, other.get("deliveries", 1)),
                ),
            )

    return insert


@pytest.fixture
def refreshed(database_url: str) -> Callable[[str, int, str], None]:
    """`refreshed(company, at, outcome)`: the refresh log has it."""

    def insert(company: str, at: int, outcome: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO buyer_group_refresh_logs VALUES (%s, from_ms(%s), 'trailing', 1, %s, now(), now())",
                (company, at, outcome),
            )

    return insert


def _event(ingress: "Ingress", path: str = "s/e") -> Any:
    return ingress.get(f"/api/v1/events/{path}", authorization=AUTHORIZATION)


def _status(ingress: "Ingress") -> str:
    (company,) = _event(ingress).json()["companies"]
    return str(company["status"])


def test_each_company_that_a_change_touched_has_its_outcome(
    reader: "Ingress", applied: Callable[..., None], refreshed: Callable[[str, int, str], None]
) -> None:
    """A move is one event with two outcomes; values for programs beside the sentence for people."""
    applied("new", "refreshed", T1)
    refreshed("new", T1, "changed")
    applied("old", "deferred", T2, reason="too soon after the last refresh; on the roster already")
    answer = _event(reader)

    assert answer.status_code == 200
    assert answer.json() == {
        "source": "s",
        "eventId": "e",
        "companies": [
            {
                "companyId": "new",
                "type": "person.promotion",
                "outcome": "refreshed",
                "status": "refreshed at 2025-11-24 16:00:00 UTC; the group changed",
                "reason": None,
                **dict.fromkeys(("occurredAt", "receivedAt", "logTime", "refreshAt"), "2025-11-24T16:00:00.000Z"),
                "refreshOutcome": "changed",
                "deliveries": 1,
            },
            {
                "companyId": "old",
                "type": "person.promotion",
                "outcome": "deferred",
                "status": "deferred until 2025-11-24 17:00:00 UTC, when one refresh covers it",
                "reason": "too soon after the last refresh; on the roster already",
                **dict.fromkeys(("occurredAt", "receivedAt", "logTime"), "2025-11-24T16:00:00.000Z"),
                "refreshAt": "2025-11-24T17:00:00.000Z",
                "refreshOutcome": None,
                "deliveries": 1,
            },
        ],
        "deadLetters": [],
    }


@pytest.mark.parametrize(
    ("outcome", "sentence"),
    [
        ("changed", "deferred until 2025-11-24 17:00:00 UTC, covered by that refresh; the group changed"),
        ("unchanged", "deferred until 2025-11-24 17:00:00 UTC, covered by that refresh; the group stayed as it was"),
    ],
)
def test_a_deferred_change_names_the_refresh_that_covered_it(
    reader: "Ingress",
    applied: Callable[..., None],
    refreshed: Callable[[str, int, str], None],
    outcome: str,
    sentence: str,
) -> None:
    """And whether the group changed by it; another company's refresh at the same time is not its own."""
    applied("c", "deferred", T2)
    refreshed("d", T2, "changed")
    assert "when one refresh covers it" in _status(reader)
    refreshed("c", T2, outcome)

    assert _status(reader) == sentence


@pytest.mark.parametrize(
    ("outcome", "reason", "sentence"),
    [
        ("superseded", "something newer was known", "superseded: something newer was known"),
        ("ignored", "says nothing", "ignored: says nothing"),
        ("ignored", None, "ignored: no reason given"),
    ],
)
def test_a_change_without_effect_says_why(
    reader: "Ingress", applied: Callable[..., None], outcome: str, reason: str | None, sentence: str
) -> None:
    """No refresh covers it, since none is needed."""
    applied("c", outcome, reason=reason)

    assert _status(reader) == sentence


def test_duplicate_deliveries_are_counted(
    reader: "Ingress", applied: Callable[..., None], refreshed: Callable[[str, int, str], None]
) -> None:
    """Without the first, which was the one that counted."""
    applied("c", "refreshed", T1, deliveries=3)
    refreshed("c", T1, "unchanged")

    assert _status(reader) == (
        "refreshed at 2025-11-24 16:00:00 UTC; the group stayed as it was; duplicate deliveries: 2, without effect"
    )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [("open", "is kept"), ("retried", "was sent through the log again"), ("discarded", "an operator discarded it")],
)
def test_a_dead_letter_is_an_outcome(reader: "Ingress", database_url: str, status: str, sentence: str) -> None:
    """Found by the headers that it came with; what is wrong with it, and what is done about it."""
    headers = [["ce_specversion", "1.0"], ["ce_id", "e"], ["ce_source", "s"]]
    with psycopg.connect(database_url) as connection:
        for offset, found in enumerate((headers, [["ce_id", "s"], ["ce_source", "e"]], [["ce_id", "e"]])):
            connection.execute(
                "INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, company_id, headers, log_time, reason,"
                " status, settled_at) VALUES ('t', 0, %s, 'c', %s, from_ms(%s), 'it is no Avro', %s, %s)",
                (offset, json.dumps(found), T1, status, None if status == "open" else datetime.now(UTC)),
            )
    document = _event(reader).json()

    assert document["companies"] == []
    (letter,) = document["deadLetters"]
    assert (letter["companyId"], letter["reason"]) == ("c", "it is no Avro")
    assert letter["status"].startswith("could not be applied")
    assert sentence in letter["status"]
    assert letter["status"].endswith(": it is no Avro")


@pytest.mark.parametrize("path", ["s/unknown", "other/e", "s/%00", "%20/e", "s/" + "x" * 300, "s/%ED%A0%80"])
def test_what_nothing_is_known_of_is_404(reader: "Ingress", applied: Callable[..., None], path: str) -> None:
    """Which may mean that it is on its way: the answer says what to think of."""
    applied("c", "refreshed", T1)
    answer = _event(reader, path)

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:person-changes:problem:unknown-event")
    if path == "s/unknown":
        assert "enqueued, not applied yet" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("source", "event_id", "path"),
    [("a/b", "c/d", "a%2Fb/c%2Fd"), ("s", "a/b", "s/a/b"), ("ä", "100% ?#", "%C3%A4/100%25%20%3F%23")],
)
def test_any_id_can_be_asked_for(
    reader: "Ingress", applied: Callable[..., None], source: str, event_id: str, path: str
) -> None:
    """A slash of the source must be escaped, one of the event id may be."""
    applied("c", "ignored", source=source, event_id=event_id)
    answer = _event(reader, path)

    assert (answer.status_code, answer.json()["source"], answer.json()["eventId"]) == (200, source, event_id)


def test_the_look_up_reads_no_other_rows(database_url: str, applied: Callable[..., None]) -> None:
    """Its cost does not grow with the inbox: the index leads to the change's own rows."""
    applied("c", "ignored")
    with psycopg.connect(database_url) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT * FROM webhook_events WHERE source = 's' AND event_id = 'e'"
        ).fetchall()

    assert "webhook_events_by_event" in str(plan)
