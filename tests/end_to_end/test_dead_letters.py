"""Dead letters on real servers: stored whole, listed, shown, retried and discarded by command."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner, Result

from cli.main import app
from consumers.engine import fold
from consumers.runtime.processor import TooManyDeadLettersError
from db.digest import digest
from schemas.codec import encode_change
from tests.support.changes import change, random_log
from tests.support.system import System, wait_for

TRUTH = ("people", "employments", "buyer_group_members")
"""What rosters and groups are, whenever they came to be so."""


@pytest.fixture(autouse=True)
def _soon(system: System) -> None:
    """Nothing stays pending for an hour."""
    system.settings["REFRESH_INTERVAL_SECONDS"] = "0.1"


def cli(system: System, *words: str) -> Result:
    """A command, in this process."""
    return CliRunner().invoke(app, ["dead-letters", *words], env=system._environment())


def answer(system: System, *words: str) -> Any:
    """What a command says with --json."""
    result = cli(system, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@contextmanager
def faulty_core(company: str) -> Iterator[None]:
    """A bug that one company's changes meet."""
    honest = fold._Folding._apply

    def breaking(self: fold._Folding, said: Any) -> Any:
        if said.company.id == company:
            raise ZeroDivisionError("a bug")
        return honest(self, said)

    with mock.patch.object(fold._Folding, "_apply", breaking):
        yield


def last_record(system: System, place: str) -> Any:
    """The record at a place that was named as topic/partition/offset."""
    _, partition, offset = place.rsplit("/", 2)
    reader = Consumer({"bootstrap.servers": system.bootstrap, "group.id": "look"})
    try:
        reader.assign([TopicPartition(system.topic, int(partition), int(offset))])
        return wait_for("record", lambda: reader.poll(0.1))
    finally:
        reader.close()


def test_all_kinds_are_stored_with_their_reason_and_can_be_found(system: System) -> None:
    """No Avro, an unknown schema, a wrong key, a core that raises: each is one letter, and filters find it."""
    good = encode_change(change("e1", company="acme"))
    system.publish_bytes((b"k", b"hello"), (b"k", b"\xc3\x01unknown!rest"), (b"other", good), (b"k", None))
    system.publish([change("e2", company="cursed"), change("e3", company="fine")])

    with faulty_core("cursed"):
        system.drain()

    found = answer(system, "list")
    assert found["count"] == 5
    reasons = {letter["reason"] for letter in found["letters"]}
    for word in ("starts with 68 65", "fingerprint 756e6b6e6f776e21", "key: is b'other'", "tombstone", "a bug"):
        assert any(word in reason for reason in reasons), word
    assert [x["companyId"] for x in answer(system, "list", "--company", "cursed")["letters"]] == ["cursed"]
    assert answer(system, "list", "--company", "other")["count"] == 1, "by its key"
    assert answer(system, "list", "--reason", "FINGERPRINT")["count"] == 1
    assert answer(system, "list", "--since", "2100-01-01T00:00:00Z")["count"] == 0
    assert answer(system, "list", "--status", "discarded")["count"] == 0
    assert "ZeroDivisionError" in cli(system, "list").stdout


def test_a_letter_is_shown_whole(system: System) -> None:
    """Key, headers, bytes as hex and text, the record if it can be read, place and reason."""
    system.publish_bytes((b"\xffkey", b"hello \x1b[31m"), (b"other", encode_change(change("e1", company="acme"))))
    system.drain()

    shown = answer(system, "show", f"{system.topic}/0/0")
    assert shown["key"] == {"hex": "ff6b6579", "text": None}
    assert shown["value"] == {"hex": b"hello \x1b[31m".hex(), "text": "hello \x1b[31m"}
    assert shown["headers"] == [["odd", None, "ff00"], ["traceparent", "00"]]
    assert "starts with 68 65" in shown["unreadable"]
    assert answer(system, "show", f"{system.topic}/0/1")["record"]["company"]["id"] == "acme"
    text = cli(system, "show", f"{system.topic}/0/0").stdout
    assert "68 65 6c 6c 6f" in text
    assert "\x1b" not in text
    assert cli(system, "show", f"{system.topic}/0/77").exit_code == 1
    assert cli(system, "show", "nonsense").exit_code == 2


def test_after_the_fault_is_mended_a_retry_gives_what_an_undisturbed_run_gives(
    system: System, make_database: Callable[[], str]
) -> None:
    """Rosters and groups are the same to the letter, although the letters come late and some come twice."""
    load = list(random_log(21, 1500, 12))
    cursed = load[0].company.id
    system.publish(load)
    with faulty_core(cursed):
        system.drain(dead_letter_run_limit=10_000)
    letters = answer(system, "list", "--company", cursed, "--limit", "5000")["count"]
    assert letters > 100
    honest = replace(system, database_url=make_database())
    honest.drain(consumer_group=f"{system.topic}-honest")
    wanted = digest(honest.database_url)
    assert digest(system.database_url)["people"] != wanted["people"], "the fault left a gap"

    first = answer(system, "list", "--company", cursed, "--limit", "1")["letters"][0]["place"]
    assert answer(system, "retry", first) == {"retried": 1, "failed": {}}
    assert answer(system, "retry", first) == {"retried": 1, "failed": {}}, "as after a crash before it was marked"
    assert answer(system, "retry", "--all", "--company", cursed, "--yes")["retried"] == letters - 1
    system.drain()

    found = digest(system.database_url)
    assert {name: found[name] for name in TRUTH} == {name: wanted[name] for name in TRUTH}
    assert answer(system, "list")["count"] == 0
    assert answer(system, "list", "--status", "retried", "--limit", "1")["count"] == letters
    assert system.query("SELECT count(*) FROM webhook_events") == honest.query("SELECT count(*) FROM webhook_events")


def test_a_copy_is_the_record_and_names_its_first_place(system: System) -> None:
    """Key, value and headers are kept; one that fails again still names where it stood first, and stops nobody."""
    system.publish_bytes((b"other", encode_change(change("e1", company="acme"))))
    system.drain(dead_letter_run_limit=1)
    first = f"{system.topic}/0/0"

    place = first
    for _ in range(3):
        answer(system, "retry", place)
        system.drain(dead_letter_run_limit=1)
        (letter,) = answer(system, "list")["letters"]
        place = letter["place"]

    record = last_record(system, place)
    assert (record.key(), record.value()) == (b"other", encode_change(change("e1", company="acme")))
    assert record.headers() == [("odd", b"\xff\x00"), ("traceparent", b"00"), ("dead_letter", first.encode())]
    assert f"appended again as {system.topic}/" in answer(system, "show", first)["settledWhy"]


def test_what_is_discarded_stays_with_its_reason(system: System) -> None:
    """It is listed no more among those that wait; named by place, it can still be retried."""
    system.publish_bytes((b"k", b"rubbish"), (b"k", b"more"), (b"k", b"most"))
    system.drain()

    assert answer(system, "discard", f"{system.topic}/0/0", "--because", "a test") == {"discarded": 1}
    assert answer(system, "discard", "--all", "--reason", "6d 6f", "--because", "x", "--yes") == {"discarded": 2}

    assert answer(system, "list")["count"] == 0
    shown = answer(system, "show", f"{system.topic}/0/0")
    assert (shown["status"], shown["settledWhy"]) == ("discarded", "a test")
    assert answer(system, "retry", f"{system.topic}/0/0")["retried"] == 1


def test_nothing_is_done_to_many_by_accident(system: System) -> None:
    """All needs --all, and a yes; a place that has no letter is named."""
    system.publish_bytes((b"k", b"rubbish"))
    system.drain()

    assert cli(system, "retry").exit_code == 2
    assert "say --yes" in cli(system, "retry", "--all").output
    assert cli(system, "discard", f"{system.topic}/0/0", "--all", "--because", "x").exit_code == 2
    missing = cli(system, "discard", f"{system.topic}/0/0", f"{system.topic}/1/9", "--because", "x")
    assert f"{system.topic}/1/9" in missing.output
    assert missing.exit_code == 1
    assert answer(system, "list")["count"] == 1


def test_a_log_of_rubbish_stops_the_consumer_instead_of_emptying_into_letters(system: System) -> None:
    """The circuit breaker, by share: every second record is bad, never two in a row."""
    good = [(b"acme", encode_change(change(f"e{n}", company="acme"))) for n in range(600)]
    system.publish_bytes(*(record for each in good for record in (each, (b"k", b"?"))))

    with pytest.raises(TooManyDeadLettersError, match=r"of the last 1000 records.*DEAD_LETTER_RATIO_LIMIT"):
        system.drain(dead_letter_ratio_limit=0.4)

    system.drain(dead_letter_ratio_limit=0.6)
    assert answer(system, "list", "--limit", "1")["count"] == 600
