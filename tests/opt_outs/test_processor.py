"""Opt-outs through the real processor and a real database: what is erased, what is refused, what a fold aside makes."""

import json
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from consumers.runtime.opt_outs import UnknownOptOutKeyError
from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.comparison import compare
from db.digest import STATES, image
from db.errors import StaleCompanyError
from db.shadow import Shadow
from db.traces import traces
from schemas.codec import Codec
from schemas.events import Company, Person, PersonChange
from tests.opt_outs.people import ANN, TRACES, bob, keep_webhooks, kept_webhooks, opt_out, rows, said, search
from tests.support.changes import NOW
from tests.support.consumption import TOPIC, consume, log_of, processor_for, shifted

HOUR = 3_600_000


def later(processor: Processor, *changes: PersonChange, after_ms: int = 0) -> list[Record]:
    """Records behind what was consumed."""
    return [r._replace(timestamp=r.timestamp + after_ms) for r in shifted(processor, log_of(changes))]


def test_after_an_opt_out_no_column_of_any_table_holds_them(processor: Processor, database_url: str) -> None:
    """Roster, group, history, the outbox, events that name them, and letters; the other people are untouched."""
    letter = log_of([said("letter")])[0]._replace(key=b"another company", offset=1)
    cut_off = letter._replace(value=(letter.value or b"")[:100], offset=2)
    log = log_of([bob("b1"), said("e-prs-ann-1-7", movement=said("x").movement), bob("b2", title="VP Sales")])
    consume(processor, log)
    consume(
        processor,
        [
            r._replace(timestamp=r.timestamp + HOUR)
            for r in shifted(processor, [*log_of([said("e2")]), letter, cut_off])
        ],
    )
    assert {"people", "employments", "buyer_group_members", "buyer_group_changes", "outbox", "dead_letters"} <= {
        trace.table for trace in traces(database_url, TRACES)
    }

    consume(processor, later(processor, opt_out("out-prs-ann-1")))

    search(database_url)
    assert traces(database_url, TRACES) == []
    assert rows(database_url, "SELECT person_id, name FROM roster") == [("bob", "Bob Other")]
    assert rows(database_url, "SELECT status, value FROM dead_letters") == [("discarded", None)] * 2
    history = rows(database_url, "SELECT version, kind, person_id, name, why FROM buyer_group_changes ORDER BY 1, 2")
    assert [line for line in history if line[2] is None] == [(2, "joined", None, None, "erased")]


def test_the_next_version_says_that_somebody_went_not_who(processor: Processor, database_url: str) -> None:
    """It comes under the hourly limit, without gap; every message that waits can be read and names nobody."""
    consume(processor, log_of([said("e1"), bob("b1")]))
    consume(processor, later(processor, opt_out()))
    assert rows(database_url, "SELECT person_id FROM buyer_group_members") == []
    assert rows(database_url, "SELECT version, erased FROM buyer_groups") == [(1, 1)]
    assert rows(database_url, "SELECT outcome FROM webhook_events WHERE event_id = 'wish'") == [("deferred",)]

    consume(processor, later(processor, bob("b2", "other"), bob("b3"), after_ms=2 * HOUR))

    assert rows(database_url, "SELECT version, erased FROM buyer_groups WHERE company_id = 'acme'") == [(2, 0)]
    messages = rows(database_url, "SELECT version, value FROM outbox WHERE company_id = 'acme' ORDER BY 1")
    told = [
        (v, [(c["kind"], c["person_id"]) for c in Codec("buyer_group_updated").decode(m)["changes"]])
        for v, m in messages
    ]
    assert told == [(1, [("joined", None)]), (2, [("joined", "bob"), ("erased", None)])]


@pytest.mark.parametrize("sizes", [(), (1,) * 9, (2, 3)], ids=["one batch", "one each", "some"])
def test_batches_do_not_matter(processor: Processor, database_url: str, sizes: tuple[int, ...]) -> None:
    """Law L6: however the log is cut, the rows are those of any other cut, and hold nothing of the person."""
    log = log_of(
        [
            said("e1"),
            bob("b1"),
            said("e2", title="CEO"),
            opt_out(),
            said("e3"),
            bob("b2", title="CFO"),
            opt_out("again"),
        ]
    )
    consume(processor, [r._replace(timestamp=NOW + i * HOUR) for i, r in enumerate(log)], sizes)
    outcomes = rows(database_url, "SELECT event_id, outcome FROM webhook_events ORDER BY kafka_offset")
    assert outcomes == [
        *[("e1", "refreshed"), ("b1", "refreshed"), ("e2", "superseded"), ("wish", "refreshed")],
        *[("e3", "ignored"), ("b2", "refreshed"), ("again", "superseded")],
    ]
    assert rows(database_url, "SELECT reason FROM outcomes WHERE event_id = 'e3'") == [("its person has opted out",)]
    history = "SELECT version, kind, person_id, after FROM buyer_group_changes ORDER BY 1, position"
    assert rows(database_url, history)[:3] == [
        (1, "joined", None, None),
        (2, "joined", "bob", "stakeholder"),
        (3, "erased", None, None),
    ]
    search(database_url)
    assert traces(database_url, TRACES) == []


def test_later_changes_are_refused_at_any_company_by_any_of_their_ids(processor: Processor, database_url: str) -> None:
    """By id, by profile and by mailbox, in whatever spelling; somebody else with the number of a counter is not."""
    consume(processor, log_of([said("e1"), opt_out()]))
    profile = replace(Person("new-1"), linkedin_url="http://de.linkedin.com/in/Ann-Quixley?trk=x")
    mailbox = replace(Person("new-2"), email=" Ann@Quixley.example")
    late = [
        said("l1", "beta"),
        said("l2", "beta", profile, source="s2"),
        said("l3", "beta", mailbox),
        said("l4", source="s3"),
    ]
    consume(processor, later(processor, *late, said("other", "beta", Person("new-3", "A Namesake"))))
    assert rows(database_url, "SELECT event_id FROM webhook_events WHERE outcome = 'ignored' ORDER BY 1") == [
        (f"l{n}",) for n in (1, 2, 3, 4)
    ]
    assert rows(database_url, "SELECT person_id FROM roster") == [("new-3",)]

    consume(processor, later(processor, opt_out("hub", "gamma", "123", "hubspot")))
    consume(
        processor,
        later(processor, *(said(f"n-{s}", "gamma", Person("123"), source=s) for s in ("hubspot", "coresignal"))),
    )
    assert rows(database_url, "SELECT event_id, outcome FROM webhook_events WHERE event_id LIKE 'n-%' ORDER BY 1") == [
        ("n-coresignal", "refreshed"),
        ("n-hubspot", "ignored"),
    ]


def test_a_batch_that_did_not_know_of_an_opt_out_cannot_commit_after_it(
    processor: Processor, database_url: str
) -> None:
    """What it was computed from is out of date; loaded again, it refuses, with its first opt-out or a later one."""
    for number, company in enumerate(("acme", "beta")):
        who = replace(ANN, id=f"who-{number}", email=None, linkedin_url=None)
        other = processor_for(database_url)
        write = processor.store.write

        def write_late(batch: Any, *, who: Person = who, other: Processor = other, write: Any = write) -> None:
            processor.store.write = write  # type: ignore[method-assign]
            consume(
                other,
                log_of([opt_out(f"out-{who.id}", "zeta-2", who.id)])
                if who.id == "who-0"
                else later(other, opt_out(f"out-{who.id}", "zeta-2", who.id)),
            )
            write(batch)

        processor.store.write = write_late  # type: ignore[method-assign]
        log = later(processor, said(f"e-{number}", company, who))
        with pytest.raises(StaleCompanyError):
            consume(processor, log)
        consume(processor, log)
        other.store.close()
    assert rows(database_url, "SELECT person_id FROM roster") == []
    assert rows(database_url, "SELECT DISTINCT outcome FROM webhook_events WHERE event_id LIKE 'e-%'") == [("ignored",)]


def test_a_fold_of_the_log_aside_makes_the_same_rows_without_them(processor: Processor, database_url: str) -> None:
    """Law L6: also where live learnt of an opt-out only after it had let a change in; nothing live is written."""
    first = log_of([said("e1"), bob("b1"), said("e2", "beta"), opt_out("before-all", "gamma", "somebody")])
    consume(processor, first)
    between = said("between", "epsilon")  # before the opt-out, so live lets it in
    second = later(processor, between, opt_out(), said("e3"), bob("b2", title="CFO"))
    consume(processor, second)
    third = later(
        *(processor, said("e4", "beta"), bob("b3", "beta"), opt_out("follows", "beta"), said("e5", "delta")),
        *(said("e6", "epsilon"), opt_out("follows", "epsilon")),
        after_ms=HOUR,
    )
    consume(processor, third)
    tables = ("opt_outs", "opt_out_places", "parked_hints")
    before = [rows(database_url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]  # noqa: S608  # the test's own

    with Shadow(database_url, "verify") as shadow:
        shadow.create()
        made = processor_for(shadow.url)
        aside = Processor(made.store, made.settings, 4, aside=True)
        consume(aside, [*first, *second, *third], (3, 2, 100))
        aside.store.close()
        with image(database_url, TOPIC) as live, image(shadow.url, TOPIC) as log:
            compared = compare(live, log, STATES, 20)
        assert compared.first == []
        assert traces(shadow.url, TRACES) == []
    assert [rows(database_url, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables] == before  # noqa: S608
    search(database_url)
    assert {trace.table for trace in traces(database_url, TRACES)} == {"parked_hints"}


def test_the_opt_out_of_one_company_calls_the_others(processor: Processor, database_url: str) -> None:
    """As a hint that waits for the resolver, in the transaction of the erasure; not where nobody else knows them."""
    consume(processor, log_of([said("e1"), said("e2", "beta"), said("e3", "gamma", Person("lonely")), opt_out()]))
    consume(processor, later(processor, opt_out("o2", "gamma", "lonely")))
    assert rows(database_url, "SELECT source, person_id, event_id, type, status FROM parked_hints") == [
        ("test", ANN.id, "wish", "person.opted_out", "parked")
    ]


def test_letters_about_somebody_who_has_opted_out_are_kept_without_their_record(
    processor: Processor, database_url: str
) -> None:
    """They are counted, and can be read by nobody."""
    consume(processor, log_of([opt_out()]))
    consume(processor, [record._replace(key=b"wrong") for record in later(processor, said("e1"))])
    assert rows(database_url, "SELECT key, value, headers, reason FROM dead_letters") == [
        (None, None, [], "its person opted out; nothing of the record is kept")
    ]
    search(database_url)
    assert traces(database_url, TRACES) == []


def test_a_batch_without_opt_outs_pays_nothing_but_a_count(processor: Processor) -> None:
    """No mark is made, and no statement of an erasure is run."""
    statements: list[str] = []
    execute = psycopg.Connection.execute

    def note(self: Any, query: Any, *rest: Any, **more: Any) -> Any:
        statements.append(str(query))
        return execute(self, query, *rest, **more)

    psycopg.Connection.execute = note  # type: ignore[method-assign]
    try:
        consume(processor, log_of([said("e1"), bob("b1")]))
    finally:
        psycopg.Connection.execute = execute  # type: ignore[method-assign]
    touching = [s for s in statements if "opt_out" in s]
    assert [s.split("\n")[0] for s in touching] == [
        "SELECT coalesce(max(number), 0) FROM opt_outs",
        "SELECT 1 FROM opt_outs WHERE number > %(number)s LIMIT 1",
    ]
    assert processor._opt_outs.marks.known_by.cache_info().misses == 0


def test_a_key_that_is_missing_stops_the_consumer(processor: Processor, database_url: str) -> None:
    """Else everybody who opted out under it would come back; with the old key behind the new one all is well."""
    consume(processor, log_of([opt_out()]))
    changed = processor_for(database_url, opt_out_key="another key than before")
    log = later(processor, said("e1"))
    with pytest.raises(UnknownOptOutKeyError, match="OPT_OUT_KEY lacks 1 of the keys"):
        consume(changed, log)
    changed.store.close()
    both = f"another key than before,{processor.settings.opt_out_key.get_secret_value()}"
    rotated = processor_for(database_url, opt_out_key=both)
    consume(rotated, log)
    rotated.store.close()
    assert rows(database_url, "SELECT outcome FROM webhook_events WHERE event_id = 'e1'") == [("ignored",)]


def test_a_key_that_somebody_else_uses_meanwhile_stops_the_consumer_too(
    processor: Processor, database_url: str
) -> None:
    """While keys are rotated, one process marks under the new key, and one that runs on knows only the old one."""
    consume(processor, log_of([opt_out("o1", person_id="zoe")]))
    both = f"another key than before,{processor.settings.opt_out_key.get_secret_value()}"
    rotated = processor_for(database_url, opt_out_key=both)
    consume(rotated, later(processor, opt_out("o2")))
    rotated.store.close()
    with pytest.raises(UnknownOptOutKeyError, match="OPT_OUT_KEY lacks 1 of the keys"):
        consume(processor, later(processor, said("e1")))
    assert rows(database_url, "SELECT count(*) FROM webhook_events WHERE event_id = 'e1'") == [(0,)]


def test_bodies_that_ingress_has_kept_go_as_well(processor: Processor, database_url: str) -> None:
    """Where they hold an id of the person, also a number; the others stay."""
    bodies = [{"contact": 123}, {"contact": 91234}, {"mail": "Ann@Quixley.example"}]
    keep_webhooks(database_url, *map(json.dumps, bodies))
    consume(processor, log_of([said("e1"), opt_out(), opt_out("o2", "beta", "123", "hubspot")]))
    search(database_url)
    assert kept_webhooks(database_url) == ['{"contact": 91234}']


def test_facts_that_the_person_taught_stay(processor: Processor, database_url: str) -> None:
    """A company's name is nobody's personal datum, even where the change that said so named a person."""
    taught = replace(said("t-prs-ann-1"), company=Company("acme", name="Acme Inc", domain="acme.example"))
    consume(processor, log_of([taught, opt_out()]))
    assert rows(database_url, "SELECT name, domain FROM companies") == [("Acme Inc", "acme.example")]
    search(database_url)
    assert traces(database_url, TRACES) == []
