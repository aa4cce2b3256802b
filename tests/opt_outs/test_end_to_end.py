"""Opt-outs on real servers, with resolver, consumers and ingress at work."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Producer

from db.traces import traces
from schemas.codec import encode_change
from schemas.events import Movement
from tests.opt_outs.people import ANN, TRACES, bob, opt_out, said
from tests.support.changes import NOW
from tests.support.system import System, wait_for


@pytest.fixture
def system(system: System, make_topic: Callable[..., str]) -> System:
    """Refreshes as often as it takes, and a topic of hints."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "0.2", "PERSON_HINTS_TOPIC": make_topic(3)}
    system.settings |= {"RESOLVER_RETRY_SECONDS": "0.2"}
    return system


def found(system: System) -> list[str]:
    """Tables that hold anything of her."""
    return [f"{trace.schema}.{trace.table}.{trace.column}" for trace in traces(system.database_url, TRACES)]


def applied(system: System) -> bool:
    """Whether the whole log has an outcome, no refresh is pending, and nothing is searched."""
    return system.settled() and not system.query("SELECT 1 FROM erasure_searches")


def answer(system: System, *words: str) -> Any:
    """What a command says with --json."""
    done = system.command(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_erased_person_stays_erased(system: System) -> None:
    """A late change, a redelivery, a replay, a rebuild and a link of companies do not bring them back."""
    log = [
        said("e-prs-ann-1", "a"),
        said("e2", "b", movement=Movement.LEFT),
        said("e3", "acme:7"),
        bob("b1", "a"),
        bob("b2", "b"),
    ]
    system.publish(log)
    system.start_consumer()
    system.start_resolver()
    wait_for("rosters", lambda: len(system.query("SELECT 1 FROM employments")) == 5)
    assert found(system)

    assert answer(system, "person", "erase", ANN.id, "--email", str(ANN.email))["companies"] == 3

    wait_for("end of the log", lambda: applied(system))
    assert found(system) == []
    assert system.query("SELECT company_id, name FROM roster ORDER BY 1") == [("a", "Bob Other"), ("b", "Bob Other")]
    assert system.query("SELECT DISTINCT outcome FROM webhook_events WHERE type = 'person.opted_out' ORDER BY 1")

    system.publish(
        [*log, said("late", "a"), said("new", "c"), replace(said("x", "d"), person=replace(ANN, id="other-id"))]
    )
    producer = Producer({"bootstrap.servers": system.bootstrap})
    producer.produce(system.topic, encode_change(said("letter", "a")), b"a wrong key")
    producer.flush()
    wait_for("end of the log", lambda: applied(system))
    assert found(system) == []
    assert system.query("SELECT event_id, outcome FROM webhook_events WHERE company_id IN ('c', 'd') ORDER BY 1") == [
        ("new", "ignored"),
        ("x", "ignored"),
    ]

    assert answer(system, "company", "link", "acme:7", "a")["people"] == 0
    assert answer(system, "verify")["equal"] is True
    assert answer(system, "rebuild")["equal"] is True
    assert found(system) == []
    answer(system, "rebuild", "--promote")
    assert answer(system, "replay", "--company", "a")["equal"] is True
    wait_for("end of the log", lambda: applied(system))
    assert found(system) == []
    assert len(system.query("SELECT 1 FROM roster WHERE person_id = 'bob'")) == 2
    assert "no table holds anything of them" in system.command("person", "find", ANN.id).stdout


def test_what_nobody_could_read_is_searched_before_the_command_says_that_it_is_done(system: System) -> None:
    """Letters of the log, by a consumer that goes on consuming meanwhile."""
    producer = Producer({"bootstrap.servers": system.bootstrap})
    for number in range(60):
        producer.produce(
            system.topic, f"no Avro, {ANN.id}".encode() if number % 2 else b"nobody", f"c{number}".encode()
        )
        if number % 2:
            system.publish([bob(f"b{number}", f"c{number}")])
    producer.flush()
    system.start_consumer(DEAD_LETTER_RATIO_LIMIT="1")
    system.start_resolver()
    wait_for("end of the log", lambda: applied(system))
    assert len(found(system)) > 0

    answer(system, "person", "erase", ANN.id)

    assert found(system) == []
    assert system.query("SELECT status, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1") == [
        ("discarded", 30),
        ("open", 30),
    ]
    assert answer(system, "status")["erasureSearches"] == {"waiting": 0, "since": None}


def test_an_opt_out_that_was_published_for_one_company_reaches_all(system: System) -> None:
    """The resolver calls the others, under whichever source they know the person."""
    system.publish([said("e1", "a"), said("e2", "b", source="crm"), bob("b1", "b")])
    system.start_consumer()
    wait_for("rosters", lambda: len(system.query("SELECT 1 FROM employments")) == 3)
    system.publish([opt_out(company="a")])
    wait_for("erasure at one", lambda: system.query("SELECT 1 FROM parked_hints"))
    assert system.query("SELECT company_id FROM roster WHERE person_id <> 'bob'") == [("b",)]

    system.start_resolver()
    wait_for("erasure at the other", lambda: not found(system))
    wait_for("end of the log", lambda: applied(system))
    assert system.query("SELECT company_id, person_id FROM roster") == [("b", "bob")]
    assert answer(system, "verify")["equal"] is True


def test_nobody_is_forgotten_between_look_up_and_mark(system: System) -> None:
    """While companies come to know somebody all the time, an opt-out leaves none that does."""
    for _ in range(2):
        system.start_consumer(BATCH_MAX_RECORDS="20")
    system.start_resolver()
    wait_for("consumers", lambda: all(system.assigned(child) for child in system.children[:2]))
    system.publish(said(f"e{n}", f"company-{n}", occurred_at=NOW + n) for n in range(400))
    wait_for("the first of them", lambda: system.query("SELECT 1 FROM people"))
    answer(system, "person", "erase", ANN.id)
    system.publish(said(f"l{n}", f"company-{n}", occurred_at=NOW + n) for n in range(400))
    wait_for("end of the log", lambda: applied(system))
    assert found(system) == []
    outcomes = dict(system.query("SELECT outcome, count(*) FROM webhook_events WHERE event_id LIKE 'l%' GROUP BY 1"))
    assert outcomes == {"ignored": 400}


def test_who_is_erased_once_more_is_searched_for_once_more(system: System) -> None:
    """The command waits for this opt-out too, though the marks of the last one are there."""
    system.start_consumer()
    system.start_resolver()
    answer(system, "person", "erase", ANN.id)
    system.publish_bytes((b"k", f"?of-{ANN.id}-x".encode()))
    wait_for("a letter that came later", lambda: system.query("SELECT 1 FROM dead_letters WHERE value IS NOT NULL"))

    answer(system, "person", "erase", ANN.id)

    assert found(system) == []


def test_a_command_that_nobody_carries_out_says_so(system: System) -> None:
    """And a number needs its source."""
    done = system.command("person", "erase", "p1", "--wait", "0.2")
    assert (done.returncode, "is the resolver running?" in done.stderr) == (1, True)
    done = system.command("person", "erase", "123")
    assert (done.returncode, "add --source" in done.stderr) == (2, True)
