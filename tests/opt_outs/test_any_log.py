"""Laws L6 and L7 of erasure on a real database: for any small log of people who come, are merged, split and opt out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.comparison import Difference, compare
from db.digest import TABLES, digest, image
from db.shadow import Shadow
from db.traces import traces
from schemas.events import ChangeType, Movement, PersonChange
from tests.opt_outs.people import opt_out, rows
from tests.support.changes import NOW
from tests.support.consumption import TOPIC, consume, log_of, processor_for
from tests.support.people import judges, tells

HOUR: Final = 3_600_000
IDS: Final = ("123", "prs-ann", "prs-bob", "hr:7")
PAUSES: Final = (60_000, HOUR // 2, 2 * HOUR)
CUTS: Final = ((1,) * 99, (3,) * 99, ())
EMPTIED: Final = (*(table.name for table in TABLES), "opt_outs", "opt_out_places", "parked_hints", "erasure_searches")

_MEMBER: Final = "company_id, person_id, role, name, title, why"
_MEMBERS_OF_HISTORY: Final = f"""
    SELECT {_MEMBER} FROM (
        SELECT DISTINCT ON (company_id, person_id, role) * FROM buyer_group_member_history
        ORDER BY company_id, person_id, role, log_time DESC
    ) AS m WHERE present ORDER BY 1, 2, 3
"""  # noqa: S608

Step = tuple[PersonChange, int]
"""A change, and how long after the one before it is read, ms."""


@st.composite
def _change(draw: st.DrawFn, number: int) -> PersonChange:
    kind, person = draw(st.sampled_from("ttttttoomsr")), draw(st.sampled_from(IDS))
    company, source = draw(st.sampled_from(["acme", "beta"])), draw(st.sampled_from(["s1", "s2"]))
    event_id = draw(st.sampled_from([f"e{number}", f"{person}-e{number}", f"{draw(st.sampled_from(IDS))}-e{number}"]))
    if kind == "o":
        return opt_out(event_id, company, person, source)
    if kind in "ms":
        other = draw(st.sampled_from([i for i in IDS if i != person]))
        return judges(event_id, person, other, number, kind == "m", company)
    said = tells(
        *(event_id, person, draw(st.sampled_from(["JOINED", "NONE", "LEFT"]).map(Movement)), number, source, company),
        name=draw(st.sampled_from(["Ann Quix", "Bob Quix"])),
        email=draw(st.none() | st.sampled_from(["ann.quix@gmail.com", "bob.quix@web.de"])),
        title=f"{draw(st.sampled_from(['CRO', 'VP Sales', 'Head of IT']))} {_word(number)}",
    )
    return replace(said, type=ChangeType.ROLE_SET, role="champion") if kind == "r" else said


def _word(number: int) -> str:
    """A word that only one change has."""
    return f"zq{number}qz"


@st.composite
def logs(draw: st.DrawFn) -> list[Step]:
    """Changes of four ids at two companies; some of the ids are said to be one person, or share an address."""
    count = draw(st.integers(3, 12))
    return [(draw(_change(number)), draw(st.sampled_from(PAUSES))) for number in range(count)]


def records(steps: Sequence[Step]) -> list[Record]:
    """The log."""
    at, read = NOW, []
    for record, (_, pause) in zip(log_of(said for said, _ in steps), steps, strict=True):
        at += pause
        read.append(record._replace(timestamp=at))
    return read


def emptied(url: str) -> None:
    """A database as it was before the log."""
    with psycopg.connect(url) as connection:
        for table in EMPTIED:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


def made_by(url: str, used: Processor, steps: Sequence[Step], sizes: Iterable[int]) -> dict[str, Any]:
    """All rows that a log makes, cut into batches of these sizes."""
    emptied(url)
    consume(Processor(used.store, used.settings, used.partitions), records(steps), sizes)
    made: dict[str, Any] = dict(digest(url))
    for table in ("opt_outs", "opt_out_places"):
        made[table] = rows(url, f"SELECT to_jsonb(t) - 'number' - 'created_at' FROM {table} t ORDER BY 1")  # noqa: S608
    return made


def erased_words(steps: Sequence[Step]) -> set[str]:
    """What was said of ids, before their opt-out, at the company that they opted out of."""
    changes, found = [said for said, _ in steps], set[str]()
    for end, wish in enumerate(changes):
        if wish.type == ChangeType.OPTED_OUT:
            before = [(number, said) for number, said in enumerate(changes[:end]) if said.company == wish.company]
            found.update(_word(number) for number, said in before if _who(said) == _who(wish))
    return found


def _who(said: PersonChange) -> str | None:
    return said.person.id if said.person else None


def hold(url: str, used: Processor, steps: Sequence[Step]) -> None:
    """One digest over all tables for batches of 1, of 3 and all at once; nothing is left of what was said before.

    And the history of members ends with those who are members now, whatever of it is gone.
    """
    one, *others = (made_by(url, used, steps, sizes) for sizes in CUTS)
    assert others == [one] * len(others)
    assert rows(url, _MEMBERS_OF_HISTORY) == rows(url, f"SELECT {_MEMBER} FROM buyer_group_members ORDER BY 1, 2, 3")  # noqa: S608
    if words := erased_words(steps):
        assert traces(url, words) == []


@st.composite
def logs_of_few(draw: st.DrawFn) -> list[Step]:
    """Three, of whom one is held for one with the others and told apart, again and again; then that one opts out."""
    gone, *rest = draw(st.permutations(IDS[1:4]))
    said = [told(who, number) for number, who in enumerate(draw(st.permutations([gone, *rest])))]
    apart = dict.fromkeys(rest, True)
    for number in range(len(said), draw(st.integers(6, 11))):
        other = draw(st.sampled_from(rest))
        one, two = draw(st.permutations([gone, other]))
        if draw(st.booleans()):
            said.append(told(one, number, draw(st.sampled_from(["CRO", "VP Sales"]))))
        else:
            said.append(judges(f"e{number}", one, two, number, apart[other]))
            apart[other] = not apart[other]
    said.append(opt_out(person_id=gone))
    return [(change, draw(st.sampled_from((60_000, 2 * HOUR, 2 * HOUR)))) for change in said]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs_of_few())
def test_whoever_was_one_with_others_for_a_time_is_erased(
    processor: Processor, database_url: str, steps: list[Step]
) -> None:
    """Also from what was said of the others at that time."""
    hold(database_url, processor, steps)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logs())
def test_any_cut_of_the_log_erases_the_same(processor: Processor, database_url: str, steps: list[Step]) -> None:
    """Whoever comes, is merged, split, and opts out in whatever order."""
    hold(database_url, processor, steps)


def differences_aside(url: str, used: Processor, steps: Sequence[Step]) -> list[Difference]:
    """What a fold of the log aside makes otherwise than live did."""
    with Shadow(url, "verify") as shadow:
        shadow.create()
        made = processor_for(shadow.url)
        consume(Processor(made.store, made.settings, used.partitions, aside=True), records(steps), (2, 1, 99))
        made.store.close()
        with image(url, TOPIC) as live, image(shadow.url, TOPIC) as log:
            return compare(live, log, TABLES, 5).first


def every(minutes: int, *changes: PersonChange) -> list[Step]:
    """These changes, so long after each other."""
    return [(said, minutes * 60_000) for said in changes]


def test_whoever_comes_after_an_opt_out_stays(processor: Processor, database_url: str) -> None:
    """Another source's 123 is somebody else: row, member and history are kept, and the event that names the number."""
    other = tells("123-e3", "123", Movement.JOINED, 3, "s2", name="Bob Quix", title="CRO zq2qz")
    before = tells("123-e1", "123", Movement.JOINED, 1, "s1", name="Ann Quix", title="CRO zq0qz")
    hold(database_url, processor, every(90, before, opt_out("wish", person_id="123", source="s1"), other))
    assert rows(database_url, "SELECT person_id, name FROM roster") == [("123", "Bob Quix")]
    assert rows(database_url, "SELECT name, title FROM buyer_group_members") == [("Bob Quix", "CRO zq2qz")]
    assert rows(database_url, "SELECT name FROM buyer_group_member_history") == [("Bob Quix",)]
    assert rows(database_url, "SELECT event_id FROM webhook_events ORDER BY kafka_offset") == [
        *[("erased:0-0",), ("wish",), ("123-e3",)]
    ]


def told(who: str, number: int, title: str = "CRO") -> PersonChange:
    """Somebody works at the company."""
    return tells(f"e{number}", who, Movement.JOINED, number, name=who, title=f"{title} {_word(number)}")


@pytest.mark.parametrize(
    ("wish", "minutes"), [(who, minutes) for who in ("prs-ann", "prs-bob") for minutes in (1, 20, 90)]
)
def test_who_was_told_apart_from_somebody_is_erased_under_both_ids(
    processor: Processor, database_url: str, wish: str, minutes: int
) -> None:
    """What groups said of two while they were held for one goes; who stays is a member again, as they are alone."""
    start = every(61, told("prs-bob", 0, "VP Sales"), told("prs-ann", 1), judges("e2", "prs-bob", "prs-ann", 2))
    steps = [*start, *every(minutes, judges("e3", "prs-bob", "prs-ann", 3, merged=False), opt_out(person_id=wish))]
    hold(database_url, processor, [*steps, *every(90, told("hr:7", 5))])
    left = {"prs-ann", "prs-bob"} - {wish}
    assert wish == "prs-bob" or traces(database_url, [_word(1)]) == []
    assert {trace.table for trace in traces(database_url, [wish])} <= {"parked_hints", "erasure_searches"}, (
        "what waits for others"
    )
    assert rows(database_url, "SELECT person_id, name FROM buyer_group_members WHERE person_id <> 'hr:7'") == [
        (one, one) for one in left
    ]


def test_who_stays_keeps_what_was_said_of_them_alone(processor: Processor, database_url: str) -> None:
    """Before the two were one and since; what a group said of both goes from history, lines and waiting messages."""
    start = every(61, told("prs-bob", 0, "VP Sales"), told("prs-ann", 1), judges("e2", "prs-bob", "prs-ann", 2))
    parted = every(61, judges("e3", "prs-bob", "prs-ann", 3, merged=False), told("prs-bob", 4, "Head of IT"))
    history = "SELECT title FROM buyer_group_member_history WHERE person_id = 'prs-bob' AND present ORDER BY log_time"
    made_by(database_url, processor, [*start, *parted], ())
    alone = [("VP Sales zq0qz",), ("VP Sales zq0qz",), ("Head of IT zq4qz",)]
    assert rows(database_url, history) == [alone[0], ("CRO zq1qz",), *alone[1:]]

    steps = [*start, *parted, *every(61, opt_out(person_id="prs-ann"))]
    hold(database_url, processor, steps)
    assert rows(database_url, history) == alone
    kinds = "SELECT kind, person_id FROM buyer_group_changes WHERE made_of IS NULL ORDER BY version, position"
    assert ("erased", None) in rows(database_url, kinds)
    assert {trace.table for trace in traces(database_url, [_word(4)])} >= {"buyer_group_changes", "outbox"}
    assert differences_aside(database_url, processor, steps) == []


def test_each_of_two_opt_outs_acts_at_its_own_place(processor: Processor, database_url: str) -> None:
    """What names the first person after their opt-out is not renamed by the second's; a change that returns is new."""
    ann, bob = (tells(f"{who}-e", who, Movement.JOINED, name=who, title="CRO") for who in ("prs-ann", "prs-bob"))
    named = tells("prs-ann-about", "hr:7", Movement.JOINED, 1, name="Cy Quix", title="VP Sales")
    wishes = [opt_out(f"wish-{n}", person_id=who) for n, who in enumerate(("prs-ann", "prs-bob"))]
    hold(database_url, processor, every(1, ann, bob, wishes[0], named, ann, wishes[1]))
    assert rows(database_url, "SELECT event_id, outcome FROM webhook_events ORDER BY kafka_offset") == [
        *[("erased:0-0", "refreshed"), ("erased:0-1", "deferred"), ("wish-0", "deferred")],
        *[("prs-ann-about", "deferred"), ("erased:0-4", "ignored"), ("wish-1", "deferred")],
    ]
