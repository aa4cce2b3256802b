"""Who is told of a hint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.resolver.resolve import Known, Parked, Resolved, resolve
from schemas.events import ChangeType, FieldChange, Movement, Person, validate_change
from schemas.hints import PersonHint, decode_hint, encode_hint
from tests.support.changes import NOW

HINT = PersonHint(
    "e1",
    "hubspot",
    ChangeType.ROLE_CHANGE,
    NOW,
    NOW,
    Person("123", title="VP Sales"),
    changes={"title": FieldChange(None, "VP Sales")},
)
LEFT = replace(HINT, type=ChangeType.COMPANY_CHANGE, movement=Movement.LEFT, company_domain="old.test")
OPT_OUT = replace(HINT, type=ChangeType.OPTED_OUT, person=Person("123"), changes={})
A = Known("a", "123", present=True, name="Old Inc", domain="www.Old.test")
B = Known("b", "hubspot:123", present=True, name="New", domain="new.test")
GONE = Known("c", "123", present=False, name=None, domain=None)


def told(hint: PersonHint, *known: Known) -> list[tuple[str, str]]:
    """Companies told, with the person's id there."""
    answer = resolve(hint, known)
    assert isinstance(answer, Resolved)
    return [(change.company.id, change.person.id if change.person else "") for change in answer.changes]


def why_not(hint: PersonHint, *known: Known) -> str:
    """Why nobody is told."""
    answer = resolve(hint, known)
    assert isinstance(answer, Parked)
    return answer.reason


def test_every_company_where_they_are_is_told_by_the_id_that_it_uses() -> None:
    """The event is the same one at each; nothing is said of whether they are there."""
    assert told(HINT, A, B, GONE) == [("a", "123"), ("b", "hubspot:123")]
    answer = resolve(HINT, [A, B])
    assert isinstance(answer, Resolved)
    for change in answer.changes:
        assert (change.event_id, change.source, change.type, change.occurred_at) == ("e1", "hubspot", HINT.type, NOW)
        assert change.movement is Movement.UNSTATED
        assert change.person is not None
        assert change.person.title == "VP Sales"
        assert change.changes == HINT.changes


def test_an_opt_out_reaches_companies_that_they_have_left_as_well() -> None:
    """They are still known there."""
    assert told(OPT_OUT, A, GONE) == [("a", "123"), ("c", "123")]


def test_an_opt_out_is_resolved_where_nobody_knows_them() -> None:
    """Nothing waits: the mark refuses whoever comes to know them."""
    assert told(OPT_OUT) == []


def test_an_opt_out_reaches_companies_where_another_source_uses_the_same_id() -> None:
    """Nobody else is told of such a place."""
    elsewhere = A._replace(company_id="d", sure=False)
    assert told(OPT_OUT, elsewhere) == [("d", "123")]
    assert why_not(HINT, elsewhere) == "no company on the roster knows person 123 of hubspot"


def test_a_departure_reaches_the_company_that_is_meant() -> None:
    """By domain, whatever its case; by name where there is no domain."""
    assert told(LEFT, A, B) == [("a", "123")]
    assert told(replace(LEFT, company_domain=None, company_name="OLD inc"), A, B) == [("a", "123")]


@pytest.mark.parametrize(
    ("hint", "known", "reason"),
    [
        (HINT, [], "no company on the roster knows person 123 of hubspot"),
        (HINT, [GONE], "they have left every company that knows them"),
        (LEFT, [B], "none of the companies where they are is old.test"),
        (replace(LEFT, company_domain=None, company_name="x"), [A, B], "none of the companies where they are is x"),
        (replace(LEFT, company_domain=None), [A], "it says that they left, but not which company"),
    ],
)
def test_who_cannot_be_told_is_parked_with_the_reason(hint: PersonHint, known: list[Known], reason: str) -> None:
    """A person can do something about it."""
    assert why_not(hint, *known) == reason


def test_one_company_is_told_once() -> None:
    """Two changes with one identity at one company would be a change and a duplicate."""
    assert told(HINT, B, replace_id(B, "123")) == [("b", "hubspot:123")]


def replace_id(place: Known, person_id: str) -> Known:
    """The same company, which knows the person by another id too."""
    return place._replace(person_id=person_id)


_PLACES = st.builds(
    Known,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["123", "hubspot:123"]),
    st.booleans(),
    st.sampled_from([None, "Old Inc"]),
    st.sampled_from([None, "old.test"]),
)


@given(st.sampled_from([HINT, LEFT, OPT_OUT]), st.lists(_PLACES, max_size=5))
def test_what_is_told_is_valid_and_each_company_is_told_once(hint: PersonHint, known: list[Known]) -> None:
    """Whatever the roster looks like; and a hint survives its way through the topic."""
    assert decode_hint(encode_hint(hint)) == hint
    answer = resolve(hint, known)
    if isinstance(answer, Resolved):
        companies = [validate_change(change).company.id for change in answer.changes]
        assert companies == sorted(set(companies))
        assert set(companies) <= {place.company_id for place in known}
    else:
        assert answer.reason


def test_what_is_said_of_two_ids_is_told_everywhere_in_the_ids_of_each_company() -> None:
    """Also where they have left; both ids are written as the company knows the person."""
    merged = replace(HINT, type=ChangeType.MERGED, changes={"id": FieldChange("77", "123")})
    answer = resolve(merged, [A, B, GONE])
    assert isinstance(answer, Resolved)

    assert [(c.company.id, c.person.id if c.person else "", c.changes["id"]) for c in answer.changes] == [
        ("a", "123", FieldChange("77", "123")),
        ("b", "hubspot:123", FieldChange("hubspot:77", "hubspot:123")),
        ("c", "123", FieldChange("77", "123")),
    ]
    assert all(validate_change(change) for change in answer.changes)
