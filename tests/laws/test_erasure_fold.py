"""Whoever opted out is gone, whatever the order, the number and the batches of the changes (laws L4 to L7)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.erasure import mentions
from consumers.engine.fold import REFUSED, fold
from consumers.engine.state import CompanyState, Deferred, Delivery, Folded, Ignored, Refreshed, Superseded
from schemas.events import ChangeType, Movement, Person, PersonChange
from tests.support.changes import NOW, change, deliveries, histories

HOUR = 3_600_000


def opt_out(person: str, event_id: str = "out", company: str = "acme") -> PersonChange:
    """The person's wish."""
    asked = change(event_id, company, person, None, occurred_at=NOW, kind=ChangeType.OPTED_OUT)
    return replace(asked, person=Person(person))


def marked(changes: list[PersonChange], known: frozenset[str] = frozenset()) -> list[Delivery]:
    """Deliveries as the processor hands them over; `known` are people of whose opt-out it knows already."""
    return [
        d._replace(marks=frozenset({d.change.person.id.encode()}), refused=d.change.person.id in known)
        if d.change.person
        else d
        for d in deliveries(changes)
    ]


def folded(changes: list[PersonChange], known: frozenset[str] = frozenset()) -> Folded:
    """All in one batch."""
    return fold(CompanyState("acme"), marked(changes, known), NOW + 2 * HOUR, HOUR)


def test_an_opt_out_is_news_and_leaves_the_others_alone() -> None:
    """The person is gone from roster and refresh, the next refresh is told whose place is empty, the others stay."""
    done = folded([change("e1", person="p1"), change("e2", person="p2"), opt_out("p1")])
    assert [type(outcome) for _, outcome in done.outcomes] == [Refreshed, Deferred, Deferred]
    assert set(done.state.roster) == done.touched == {"p2"}
    assert [(refresh.erased, [p.person_id for p in refresh.people]) for refresh in done.refreshes] == [
        (frozenset(), ["p1"]),
        (frozenset({"p1"}), ["p2"]),
    ]


def test_a_second_opt_out_has_no_effect() -> None:
    """Nobody is left to erase, so it is superseded, and the state stays."""
    once, twice = (folded([change("e1"), *(opt_out("p1", f"out{n}") for n in range(times))]) for times in (1, 2))
    assert isinstance(twice.outcomes[-1][1], Superseded)
    assert replace(twice.state, seen=once.state.seen) == once.state


def test_what_comes_later_is_refused_by_a_reason_that_names_nobody() -> None:
    """Also a request to refresh that names them; it teaches nothing of the company either."""
    late = change("late", person="p1", name="From their profile")
    done = folded([change("e1"), opt_out("p1"), late, replace(late, event_id="x", type=ChangeType.REFRESH_REQUESTED)])
    assert [outcome for _, outcome in done.outcomes[2:]] == [Ignored(REFUSED)] * 2
    assert (done.state.roster, done.state.facts.values[0]) == ({}, None)


def test_one_person_under_two_ids_goes_as_a_whole() -> None:
    """Rows that share a mark with them, directly or over a third one, are the same person's."""
    people = [Person("a", email="x@y.z"), Person("b", email="x@y.z", linkedin_url="u"), Person("c", linkedin_url="u")]
    changes = [replace(change(f"e{p.id}"), person=p) for p in (*people, Person("d"))]

    def marks_of(_: str, person: Person) -> frozenset[bytes]:
        return frozenset(text.encode() for text in (person.id, person.email, person.linkedin_url) if text)

    done = fold(CompanyState("acme"), deliveries([*changes, opt_out("a")]), NOW, HOUR, marks_of)
    assert set(done.state.roster) == {"d"}
    assert done.erasures[0].person_ids == ("a", "b", "c")
    assert done.erasures[0].marks == {b"a", b"b", b"c", b"x@y.z", b"u"}


def test_ids_of_events_that_name_the_person_are_forgotten() -> None:
    """In what is pending, in the stamps of facts, and for the opt-out itself, which is known by its place."""
    first = change("e0", person="p2")
    teller = change("7:p-77:title", person="p-77", name="Acme", occurred_at=NOW + 1)
    done = folded([first, teller, opt_out("p-77", "9:p-77:out")])
    assert done.refreshes[1].event_ids == ("erased", "erased:0-2")
    assert done.outcomes[2][0].change.event_id == "erased:0-2"
    assert "p-77" not in repr(done.state)


def test_short_ids_and_numbers_are_found_only_where_they_stand_alone() -> None:
    """A part of another number is no trace of anybody."""
    assert [mentions("77:123:title", (i,)) for i in ("77", "123", "12", "7", "titl")] == [
        True,
        True,
        False,
        False,
        True,
    ]


_OUT = st.builds(opt_out, st.just("p1"), st.sampled_from(["out-1", "out-2"]))


@pytest.mark.parametrize(
    ("name", "text", "meant"),
    [
        ("p-100", "evt-p-100", True),
        ("p-100", "p-100-title", True),
        ("p-100", "p-1001", False),
        ("user1", "user12:left", False),
        ("annabel", "evt-annabel7", True),
    ],
)
def test_an_id_with_a_number_at_its_end_is_no_longer_number(name: str, text: str, meant: bool) -> None:
    """What is said of p-1001 stays when p-100 opts out."""
    assert mentions(text, (name,)) is meant


@given(st.data(), histories(), st.booleans())
def test_no_order_of_a_log_with_an_opt_out_leaves_a_trace(
    data: st.DataObject, history: list[PersonChange], known: bool
) -> None:
    """Law L4: any permutation and duplication, cut anywhere, with the opt-out known at the start or not."""
    log = data.draw(st.permutations([*history, *data.draw(st.lists(_OUT, min_size=1, max_size=2)), *history[:3]]))
    refused = frozenset({"p1"}) if known else frozenset[str]()
    others = fold(
        CompanyState("acme"), [d for d in marked(log) if d.change.person and d.change.person.id != "p1"], NOW, HOUR
    )
    state, cut = CompanyState("acme"), data.draw(st.integers(0, len(log)))
    stream = marked(log, refused)
    gone = False
    for batch in (stream[:cut], stream[cut:]):
        told = [d._replace(refused=d.refused or (gone and d.marks == {b"p1"})) for d in batch]
        done = fold(state, told, NOW, HOUR)
        state, gone = done.state, gone or bool(done.erasures)
        for refresh in done.refreshes:
            assert not known or "p1" not in [p.person_id for p in refresh.people]
    assert "p1" not in state.roster
    assert {i: (e.who, e.job) for i, e in state.roster.items()} == {
        i: (e.who, e.job) for i, e in others.state.roster.items()
    }


@given(st.data(), histories())
def test_cutting_a_log_with_an_opt_out_into_batches_changes_no_effect(
    data: st.DataObject, history: list[PersonChange]
) -> None:
    """Law L6: outcomes, refreshes and state are those of one batch."""
    log = data.draw(st.permutations([*history, opt_out("p1")]))
    whole = fold(CompanyState("acme"), marked(log), NOW + 60_000, 5000)
    cut = data.draw(st.integers(0, len(log)))
    stream = marked(log)
    first = fold(CompanyState("acme"), stream[:cut], stream[cut - 1].log_time if cut else 0, 5000)
    gone = bool(first.erasures)
    rest = [d._replace(refused=gone and d.marks == {b"p1"}) for d in stream[cut:]]
    second = fold(first.state, rest, NOW + 60_000, 5000)
    assert second.state == whole.state
    assert [outcome for _, outcome in (*first.outcomes, *second.outcomes)] == [o for _, o in whole.outcomes]
    at_once = [replace(r, erased=frozenset()) for r in whole.refreshes]
    assert [replace(r, erased=frozenset()) for r in (*first.refreshes, *second.refreshes)] == at_once


def test_who_is_said_to_have_left_is_erased_as_well() -> None:
    """A row that says they are gone is a row about them."""
    done = folded([change("e1", movement=Movement.LEFT), opt_out("p1")])
    assert done.state.roster == {}
