"""From a webhook that names no company to the companies that know the person, on the real servers."""

from typing import TYPE_CHECKING

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from cli.main import app
from tests.support.changes import NOW, change
from tests.support.hinting import PATH, all_read, event, events, known, parked, roster
from tests.support.payloads import CORESIGNAL, LUSHA
from tests.support.system import System, wait_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress


def test_a_property_of_hubspots_changes_both_companies_that_know_the_contact(
    hinted: System, providers: "Ingress"
) -> None:
    """One webhook, two companies, the new title in both groups; who has the same id elsewhere is somebody else."""
    hinted.publish([*known("hubspot", "123", "a", "b"), *known("coresignal", "123", "other")])
    hinted.start_resolver()
    with hinted.consumer_here():
        wait_for("roster", lambda: len(roster(hinted)) == 3)
        answer = providers.post([event()], f"{PATH}/hubspot")
        assert (answer.status_code, answer.json()["status"]) == (202, "enqueued")

        wait_for("both companies", lambda: len(events(hinted, "hubspot")) == 2)
    assert roster(hinted) == [("a", "123", "VP Sales"), ("b", "123", "VP Sales"), ("other", "123", "CRO")]
    assert {(company, kind) for company, kind, _ in events(hinted, "hubspot")} == {
        ("a", "person.role_change"),
        ("b", "person.role_change"),
    }
    assert {outcome for *_, outcome in events(hinted, "hubspot")} <= {"refreshed", "deferred"}


def test_an_array_of_coresignals_refreshes_both_companies_that_know_the_member(
    hinted: System, providers: "Ingress"
) -> None:
    """By the id that the source gave them, bare or with the source before it; whom nobody knows is parked."""
    hinted.publish([*known("coresignal", "125", "a"), *known("import", "coresignal:125", "b")])
    hinted.start_resolver()
    with hinted.consumer_here():
        wait_for("roster", lambda: len(roster(hinted)) == 2)
        assert providers.post(CORESIGNAL, f"{PATH}/coresignal").status_code == 202

        wait_for("both companies", lambda: len(events(hinted, "coresignal")) == 2)
        assert providers.post(CORESIGNAL, f"{PATH}/coresignal").status_code == 202
        wait_for("redelivery", lambda: hinted.query("SELECT 1 FROM webhook_events WHERE deliveries = 2"))
    assert {(company, kind) for company, kind, _ in events(hinted, "coresignal")} == {
        ("a", "buyer_group.refresh_requested"),
        ("b", "buyer_group.refresh_requested"),
    }
    assert [(source, person) for source, person, _ in parked(hinted)] == [("coresignal", "123"), ("coresignal", "124")]


def test_a_move_of_lushas_takes_them_from_the_company_with_the_domain(hinted: System, providers: "Ingress") -> None:
    """Joined by id, left by domain; a third company of theirs is not touched."""
    before = [
        change("known-1", "old", "4158887495", source="lusha", domain="firstwatch.com", occurred_at=NOW - 10**11),
        change("known-2", "third", "4158887495", source="lusha", domain="third.test", occurred_at=NOW - 10**11),
    ]
    hinted.publish(before)
    hinted.start_resolver()
    with hinted.consumer_here():
        wait_for("roster", lambda: len(roster(hinted)) == 2)
        day = LUSHA["data"] | {"signalDate": "2025-10-01"}
        assert providers.post({**LUSHA, "type": "companyChange", "data": day}, f"{PATH}/lusha").status_code == 202

        wait_for("departure", lambda: len(events(hinted, "lusha")) == 2)
    assert roster(hinted) == [("40823133", "4158887495", "Bartender"), ("third", "4158887495", "CRO")]


def test_a_hint_for_nobody_is_parked_and_told_again_once_somebody_knows_them(
    hinted: System, providers: "Ingress", monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hints list` shows it with its reason, `hints retry` tells it again, and then it waits no more."""
    hinted.start_resolver(RESOLVER_RETRY_SECONDS="3600")
    for name, value in hinted.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", hinted.bootstrap)
    monkeypatch.setenv("DATABASE_URL", hinted.database_url)
    assert providers.post([event()], f"{PATH}/hubspot").status_code == 202
    wait_for("parked hint", lambda: parked(hinted))

    listed = CliRunner().invoke(app, ["hints", "list", "--source", "hubspot"])
    assert listed.exit_code == 0
    assert "no company on the roster knows person 123 of hubspot" in listed.stdout
    assert "CRO" not in listed.stdout
    assert "hubspot" not in CliRunner().invoke(app, ["hints", "list", "--source", "lusha"]).stdout

    hinted.publish(known("hubspot", "123", "a"))
    with hinted.consumer_here():
        wait_for("roster", lambda: roster(hinted))
        retried = CliRunner().invoke(app, ["hints", "retry", "--person", "123"])
        assert (retried.exit_code, "appended 1 hint" in retried.stdout) == (0, True), retried.output

        wait_for("title", lambda: roster(hinted) == [("a", "123", "VP Sales")])
    wait_for("end of the wait", lambda: not parked(hinted))
    assert hinted.query("SELECT status, value FROM parked_hints") == [("resolved", None)]


def test_a_parked_hint_is_tried_again_by_itself(hinted: System, providers: "Ingress") -> None:
    """Also when the hint came a moment before the change that makes the person known."""
    hinted.start_resolver(RESOLVER_RETRY_SECONDS="0.2")
    assert providers.post([event()], f"{PATH}/hubspot").status_code == 202
    wait_for("parked hint", lambda: parked(hinted))
    hinted.publish(known("hubspot", "123", "a"))

    with hinted.consumer_here():
        wait_for("title", lambda: roster(hinted) == [("a", "123", "VP Sales")])
    wait_for("end of the wait", lambda: not parked(hinted))


def test_an_opt_out_leaves_nothing_of_the_person_waiting(hinted: System, providers: "Ingress") -> None:
    """What was said of them before is forgotten, what is said later refused, and the opt-out itself is not kept."""
    hinted.start_resolver()
    assert providers.post([event(), event(eventId=2, objectId=124)], f"{PATH}/hubspot").status_code == 202
    wait_for("parked hints", lambda: len(parked(hinted)) == 2)
    gone = event(eventId=3, subscriptionType="contact.privacyDeletion")
    assert providers.post([gone], f"{PATH}/hubspot").status_code == 202
    wait_for("mark", lambda: hinted.query("SELECT 1 FROM opt_outs"))
    late = [event(eventId=4), event(eventId=5, objectId=125)]
    assert providers.post(late, f"{PATH}/hubspot").status_code == 202

    wait_for("end of the hints", lambda: all_read(hinted))
    assert hinted.query("SELECT person_id, type FROM parked_hints ORDER BY 1") == [
        ("124", "person.role_change"),
        ("125", "person.role_change"),
    ]


def test_bytes_that_are_no_hint_are_kept_and_hold_nothing_up(hinted: System, providers: "Ingress") -> None:
    """A dead letter with its coordinates, and the next hint is resolved."""
    topic = hinted.settings["PERSON_HINTS_TOPIC"]
    producer = Producer({"bootstrap.servers": hinted.bootstrap})
    for partition in range(3):
        producer.produce(topic, b"no hint", b"key", partition=partition)
    assert producer.flush(20) == 0
    hinted.start_resolver()
    assert providers.post([event()], f"{PATH}/hubspot").status_code == 202

    wait_for("parked hint", lambda: parked(hinted))
    wait_for("letters", lambda: len(hinted.query("SELECT 1 FROM dead_letters")) == 3)
    assert hinted.query("SELECT DISTINCT topic, value, kafka_offset FROM dead_letters") == [(topic, b"no hint", 0)]


def test_a_merge_that_names_no_company_reaches_every_company_that_knows_the_person(
    hinted: System, providers: "Ingress"
) -> None:
    """A provider has found that two records of its own are one person: at each company the two are one from then on."""
    hinted.publish([*known("generic", "123", "a", "b"), *known("generic", "77", "a"), *known("other", "77", "b")])
    hinted.start_resolver()
    with hinted.consumer_here(refresh_interval_seconds=0.001):
        wait_for("roster", lambda: len(roster(hinted)) == 4)
        merged = {"id": "m1", "type": "person.merged", "person": "123", "changes": {"id": {"old": "77", "new": "123"}}}
        assert providers.post(merged).status_code == 202
        wait_for("both companies", lambda: len(events(hinted, "generic")) == 2)

    assert [(company, person) for company, person, _ in roster(hinted)] == [("a", "123"), ("b", "123")]
