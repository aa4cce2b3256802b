"""Long names, and many in scripts whose letters take several octets: PostgreSQL can read what finds them, and soon."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from consumers.engine.erasure import patterns_of
from consumers.runtime import searching
from consumers.runtime.processor import Processor
from consumers.runtime.searching import Searching
from consumers.runtime.worker import Worker
from db import erasure
from db.erasure import PATTERNS_AT_ONCE
from db.searches import NAMES_AT_ONCE, Searches
from schemas.events import Person
from tests.opt_outs.people import ANN, keep_webhooks, kept_webhooks, opt_out, rows, said, search
from tests.support.consumption import consume, log_of, shifted
from tests.support.system import wait_for

IN = "https://www.linkedin.com/in/"
LONG = 1200
"""Letters of a slug, three octets each: nearly the longest text that a change may have."""
OTHERS = 300
PROFILES = 9
"""As many as are remembered of one person at a company."""


def slug(number: int, letters: int) -> str:
    """Chinese letters, others for each number from the beginning on."""
    return "".join(chr(0x4E00 + (number * 7919 + n * 104729) % 20000) for n in range(letters))


def wanted(database_url: str, *names: str) -> None:
    """Somebody opted out who has these names."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO erasure_searches (names) VALUES (%s)", ([*names],))


@pytest.mark.parametrize(("number", "letters"), [(1, LONG), (NAMES_AT_ONCE, 12), (NAMES_AT_ONCE, LONG)])
def test_names_of_any_length_are_found(number: int, letters: int, database_url: str) -> None:
    """In more statements than one, if need be, of which each searches the whole page."""
    names = [IN + slug(n, letters) for n in range(number)]
    others = [f"of {n}" for n in range(OTHERS)]
    keep_webhooks(database_url, *others, *names)
    wanted(database_url, *names)
    search(database_url)
    assert sorted(kept_webhooks(database_url)) == sorted(others)


@pytest.mark.parametrize("aside", [False, True])
@pytest.mark.parametrize("at_once", [PATTERNS_AT_ONCE, 1])
def test_an_opt_out_of_many_long_profiles_commits(
    at_once: int, aside: bool, processor: Processor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In more statements than one, if need be; aside, their letters are found in its transaction."""
    monkeypatch.setattr(erasure, "PATTERNS_AT_ONCE", at_once)
    profiles = [IN + slug(n, LONG) for n in range(PROFILES)]
    log = log_of([said(f"e{n}", person=replace(ANN, linkedin_url=p)) for n, p in enumerate(profiles)])
    letters_of = log_of([said("x", person=Person("who", linkedin_url=p)) for p in (profiles[0], profiles[-1])])
    consume(processor, [*log, *(r._replace(key=b"another", offset=1000 + n) for n, r in enumerate(letters_of))])

    made = Processor(processor.store, processor.settings, 4, aside=aside)
    consume(made, shifted(processor, log_of([opt_out()])))

    if not aside:
        search(database_url)
    assert rows(database_url, "SELECT count(*) FROM dead_letters WHERE value IS NULL") == [(2,)]
    assert rows(database_url, "SELECT count(*) FROM roster") == [(0,)]


def test_ids_of_events_are_found_whichever_of_many_names_they_hold(
    processor: Processor, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the inbox and in history, in more statements than one."""
    monkeypatch.setattr(erasure, "PATTERNS_AT_ONCE", 1)
    profiles = [f"{IN}{n}-{'a' * 150}" for n in range(PROFILES)]
    assert len(patterns_of(profiles)) > 1
    named = [said(f"e {p}", person=replace(ANN, linkedin_url=p)) for p in profiles]
    consume(processor, log_of(named))
    consume(processor, shifted(processor, log_of([opt_out()])))
    kept = "SELECT count(*) FROM webhook_events WHERE event_id LIKE '%linkedin%'"
    assert rows(database_url, kept) == [(0,)]
    assert rows(database_url, "SELECT count(*) FROM buyer_group_changes WHERE event_ids::text LIKE '%linkedin%'") == [
        (0,)
    ]


def test_a_search_that_the_database_refuses_does_not_end_consumption(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again after a pause; until then the turn does nothing, and what is wanted stays."""
    monkeypatch.setattr(searching, "bytes_patterns", lambda _: ("(",))
    wanted(database_url, ANN.id)
    waiting, refused = list[int](), list[Exception]()
    worker = Worker(lambda _: None)

    def turned(until: Callable[[], Any]) -> bool:
        sought.turn()
        return bool(until())

    with Searches(database_url) as searches:
        sought = Searching(searches, worker, waiting.append, refused.append)
        wait_for("refusal", lambda: turned(lambda: refused))
        assert "invalid regular expression" in str(refused[0])
        sought.turn()
        assert (sought._job, waiting, len(refused)) == (None, [], 1)
        assert rows(database_url, "SELECT names FROM erasure_searches") == [([ANN.id],)]
        sought._not_before = 0.0  # a minute later
        wait_for("second refusal", lambda: turned(lambda: len(refused) > 1))
        worker.close(10)
