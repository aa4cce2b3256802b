"""The read API and the probes: no read without a token, and what is wrong is said in words."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from db.reads import Reads

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

GROUP = "/api/v1/intelligence/buyer-group"
TOKEN = "a-token-for-tests-only"
HEADER = f"Bearer {TOKEN}"


@pytest.fixture
def group(database_url: str) -> Callable[[str], None]:
    """Put a company with a buyer group of two into the database."""

    def insert(company: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO companies (company_id, name, domain, industry, employee_count, kafka_partition, revision,"
                " pending_count, pending_since, refresh_due_at)"
                " VALUES (%s, 'Acme', 'acme.test', 'Software', 120, 0, 1, 2, from_ms(2000), from_ms(3602000))",
                (company,),
            )
            connection.execute(
                "INSERT INTO buyer_groups VALUES (%s, 'default', 3, from_ms(2000), from_ms(1000), 7)", (company,)
            )
            connection.execute(
                "INSERT INTO buyer_group_members VALUES"
                " (%(c)s, 'default', 'p1', 'champion', 'Ben', 'VP IT', 'vp', 'it', 60, 'because'),"
                " (%(c)s, 'default', 'p2', 'decision_maker', NULL, NULL, NULL, NULL, 90, 'why not')",
                {"c": company},
            )

    return insert


@pytest.fixture
def reader(start: "Callable[..., Ingress]", database_url: str) -> "Ingress":
    """The application with a database of the test's own, without a broker."""
    return start(database_url=database_url)


@pytest.mark.parametrize(
    "shown",
    [None, "", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, HEADER[:-1], HEADER + "x", HEADER.upper(), "Bearer é"],
)
def test_without_the_token_nobody_reads(offline: "Ingress", shown: str | None) -> None:
    """401 that says how to show it; the answer does not depend on whether the group is there."""
    headers = {} if shown is None else {b"authorization": shown.encode("latin-1")}
    answer = offline.run(offline.client.get(f"{GROUP}/acme", headers=headers))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":token")
    assert TOKEN not in answer.text


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_server_without_a_token_lets_nobody_read(start: "Callable[..., Ingress]", token: str | None) -> None:
    """An unset or empty API_TOKEN opens nothing, not even to an empty token; the answer names the setting."""
    ingress = start(api_token=token)
    answers = [ingress.get(f"{GROUP}/acme", authorization=shown) for shown in ("Bearer ", "Bearer None", HEADER)]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert "API_TOKEN" in answers[0].json()["detail"]


@pytest.mark.parametrize("shown", [HEADER, f"bearer  {TOKEN} "])
def test_a_group_is_read_with_the_token(reader: "Ingress", group: Callable[[str], None], shown: str) -> None:
    """Version, freshness, what is pending, and each member with the reason, decision makers first."""
    group("acme")
    answer = reader.get(f"{GROUP}/acme", authorization=shown)

    assert answer.status_code == 200
    assert answer.json() == {
        "workspaceId": "default",
        "company": {
            "id": "acme",
            "name": "Acme",
            "domain": "acme.test",
            "industry": "Software",
            "employeeCount": 120,
        },
        "version": 3,
        "policyVersion": 7,
        "refreshedAt": "1970-01-01T00:00:02.000Z",
        "changedAt": "1970-01-01T00:00:01.000Z",
        "completeness": {"percent": 0, "missing": []},
        "pending": {
            "changes": 2,
            "since": "1970-01-01T00:00:02.000Z",
            "refreshDueAt": "1970-01-01T01:00:02.000Z",
        },
        "freshness": {
            "upToDate": False,
            "says": "refreshed at 1970-01-01 00:00:02 UTC; 2 later changes are covered by the refresh at"
            " 1970-01-01 01:00:02 UTC",
        },
        "members": [
            _member("p2", "decision_maker", None, None, None, None, 90, "why not"),
            _member("p1", "champion", "Ben", "VP IT", "vp", "it", 60, "because"),
        ],
    }


def _member(*values: Any) -> dict[str, Any]:
    names = ("personId", "role", "name", "title", "seniority", "function", "score", "why")
    said: dict[str, object] = {"rule": "unknown", "ownRole": None, "setBy": None, "confidence": 0, "alsoKnownAs": []}
    return dict(zip(names, values, strict=True)) | said


@pytest.mark.parametrize(
    ("company", "spelled"),
    [
        ("a/b", "a/b"),
        ("a/b", "a%2Fb"),
        ("ä 100%", "%C3%A4%20100%25"),
        ("會社", "會社"),
        ("a?b#c", "a%3Fb%23c"),
        ("a/", "a/"),
    ],
)
def test_any_id_can_be_asked_for(reader: "Ingress", group: Callable[[str], None], company: str, spelled: str) -> None:
    """An id may hold slashes and any letters."""
    group(company)
    answer = reader.get(f"{GROUP}/{spelled}", authorization=HEADER)

    assert (answer.status_code, answer.json()["company"]["id"]) == (200, company)


@pytest.mark.parametrize(
    "path",
    [
        "unknown",
        "a%00b",
        "%ED%A0%80",
        "x" * 5000,
        "",
        "acme/",
        "acme?workspace=other",
        "acme?workspace=%00",
        "acme?workspace=",
    ],
)
def test_what_is_not_there_is_404(reader: "Ingress", group: Callable[[str], None], path: str) -> None:
    """An unknown company, an id that no company can have, another workspace."""
    group("acme")
    answer = reader.get(f"{GROUP}/{path}", authorization=HEADER)

    assert answer.status_code == 404
    assert answer.json()["type"].endswith((":unknown-group", ":not-found"))


def test_a_database_that_is_away_is_503(start: "Callable[..., Ingress]", monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time to come back; the reason stays inside."""
    monkeypatch.setattr("ingress.app.Reads", partial(Reads, statement_timeout_seconds=0.1))
    answer = start().get(f"{GROUP}/acme", authorization=HEADER)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"].endswith(":database")
    assert "127.0.0.1" not in answer.text


def test_the_process_is_alive_whatever_is_away(offline: "Ingress") -> None:
    """Liveness asks nobody."""
    assert (offline.get("/healthz").status_code, offline.get("/healthz").text) == (200, "ok\n")


def test_it_is_ready_when_it_can_publish(ingress: "Ingress") -> None:
    """Broker and topic are there."""
    assert (ingress.get("/readyz").status_code, ingress.get("/readyz").text) == (200, "ok\n")


def test_without_a_broker_it_is_not_ready(start: "Callable[..., Ingress]", monkeypatch: pytest.MonkeyPatch) -> None:
    """503 says that the broker cannot be reached."""
    offline = start()
    monkeypatch.setattr("ingress.publisher.METADATA_SECONDS", 0.2)
    answer = offline.get("/readyz")

    assert answer.status_code == 503
    assert "the broker cannot be reached" in answer.text


def test_without_the_topic_it_is_not_ready(start: "Callable[..., Ingress]", kafka_bootstrap: str) -> None:
    """503 names the topic, and asking did not create it."""
    ingress = start(kafka_bootstrap_servers=kafka_bootstrap, person_changes_topic="never-made")
    answers = [ingress.get("/readyz"), ingress.get("/readyz")]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert "never-made" in answers[0].text


def test_probes_are_no_load_on_the_broker(start: "Callable[..., Ingress]", monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is good for a second, and no longer."""
    offline = start()
    looks, clock = [0], [1e9]
    monkeypatch.setattr("ingress.publisher.Publisher._look", lambda _: looks.append(1))
    monkeypatch.setattr("ingress.probes.time.monotonic", lambda: clock[0])
    answers = []
    for seconds in (0.0, 0.5, 0.4, 0.2):
        clock[0] += seconds
        answers.append(offline.get("/readyz").status_code)

    assert answers == [200] * 4
    assert sum(looks) == 2


def test_metrics_count_what_was_stored(ingress: "Ingress", example: dict[str, Any]) -> None:
    """Prometheus can read them, and each stored record is one."""
    for number in range(3):
        assert ingress.post({**example, "id": number}).status_code == 202
    answer = ingress.get("/metrics")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert ingress.measured('ingress_webhooks_total{answer="enqueued",source="generic"}') == 3
    assert ingress.measured("ingress_records_total") == 3
    assert ingress.measured("ingress_webhook_seconds_count") == 3
