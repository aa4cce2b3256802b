"""Which companies a move of the original's payload touches, and what each of them learns."""

from typing import Any

import pytest

from ingress.providers.original import read_changes
from schemas.events import Company, InvalidChangeError, Movement, Person, PersonChange

NOW = 1_760_097_601_000
OLD, NEW = Company("old", "Old"), Company("new", "New")
_OLD, _NEW = {"id": "old", "name": "Old"}, {"id": "new", "name": "New"}
_BOTH = [(OLD, Movement.LEFT, NEW), (NEW, Movement.JOINED, OLD)]


def _read(person: dict[str, Any] | None = None, **parts: Any) -> list[PersonChange]:
    payload = {"id": "e1", "type": "person.company_change", "person": {"id": "p1", **(person or {})}, **parts}
    found = read_changes(payload, NOW, None)
    assert isinstance(found, list)
    return found


def _places(changes: list[PersonChange]) -> list[tuple[Company, Movement, Company | None]]:
    return [(change.company, change.movement, change.other_company) for change in changes]


def _refusal(person: dict[str, Any] | None = None, **parts: Any) -> str:
    with pytest.raises(InvalidChangeError) as caught:
        _read(person, **parts)
    return caught.value.field


@pytest.mark.parametrize(
    ("person", "parts"),
    [
        ({"oldCompany": _OLD, "newCompany": _NEW}, {}),
        ({"oldCompany": _OLD}, {"company": _NEW}),
        ({}, {"company": _NEW, "changes": {"company": {"old": _OLD}}}),
        ({}, {"changes": {"company": {"old": _OLD, "new": _NEW}}}),
        ({"oldCompany": _OLD, "newCompany": "other"}, {"company": _NEW}),
        ({"oldCompany": "old", "newCompany": _NEW}, {"company": _OLD}),
        ({"oldCompany": _OLD, "newCompany": _NEW}, {"company": "old"}),
        ({"oldCompany": _OLD, "newCompany": _NEW}, {"changes": {"company": {"old": "a", "new": "b"}}}),
    ],
)
def test_a_move_is_left_and_joined(person: dict[str, Any], parts: dict[str, Any]) -> None:
    """However the sender tells it, the company left learns of one who left, the other one of one who joined."""
    assert _places(_read(person, **parts)) == _BOTH


@pytest.mark.parametrize(
    ("person", "parts"),
    [({"oldCompany": _OLD}, {}), ({}, {"changes": {"company": {"old": _OLD}}})],
)
def test_who_only_left_is_one_record(person: dict[str, Any], parts: dict[str, Any]) -> None:
    """Nobody says where they went."""
    assert _places(_read(person, **parts)) == [(OLD, Movement.LEFT, None)]


@pytest.mark.parametrize(
    ("person", "parts"),
    [({}, {"company": _NEW}), ({"newCompany": _NEW}, {}), ({}, {"changes": {"company": {"new": _NEW}}})],
)
def test_who_only_joined_is_one_record(person: dict[str, Any], parts: dict[str, Any]) -> None:
    """Nobody says where they came from."""
    assert _places(_read(person, **parts)) == [(NEW, Movement.JOINED, None)]


def test_the_same_company_on_both_sides_is_no_move() -> None:
    """One record that says nothing of their presence but that they are there."""
    assert _places(_read({"oldCompany": "new"}, company=_NEW)) == [(NEW, Movement.NONE, None)]


def test_no_company_at_all_is_refused() -> None:
    """A move needs one end at least."""
    assert _refusal() == "company.id"


def test_ids_may_be_numbers_on_either_side() -> None:
    """As everywhere; a bare value in `changes` is the new one."""
    assert [change.company.id for change in _read({"oldCompany": 1, "newCompany": {"id": 2}})] == ["1", "2"]
    assert [change.company.id for change in _read({"oldCompany": 1}, changes={"company": 2})] == ["1", "2"]


def test_what_is_new_of_the_person_is_for_the_new_company() -> None:
    """The company they left keeps the title they had there, and does not learn their new address."""
    person = {
        "name": "Ada",
        "email": "ada@new.test",
        "linkedinUrl": "in/ada",
        "country": "GB",
        "oldTitle": "CFO",
        "newTitle": "CEO",
        "department": "Board",
        "seniority": "cxo",
        "oldCompany": "old",
        "newCompany": "new",
    }
    gone, joined = _read(person, changes={"department": {"old": "Finance"}})

    assert gone.person == Person("p1", "Ada", None, "in/ada", "CFO", "Finance", None, "GB")
    assert joined.person == Person("p1", "Ada", "ada@new.test", "in/ada", "CEO", "Board", "cxo", "GB")
    (only_gone,) = _read({**person, "newCompany": None})
    assert only_gone.person == Person("p1", "Ada", None, "in/ada", "CFO", None, None, "GB")


def test_both_records_are_of_one_event() -> None:
    """Same event id, source, type, times and changes."""
    gone, joined = _read({"oldCompany": "old", "newCompany": "new"}, source="acme", timestamp=NOW - 5)

    for change in (gone, joined):
        assert (change.event_id, change.source, change.type) == ("e1", "acme", "person.company_change")
        assert (change.occurred_at, change.received_at) == (NOW - 5, NOW)
    assert gone.changes == joined.changes


@pytest.mark.parametrize(
    ("person", "parts", "field"),
    [
        ({"oldCompany": {}}, {"company": "new"}, "person.oldCompany.id"),
        ({"oldCompany": {"id": ""}}, {"company": "new"}, "person.oldCompany.id"),
        ({"oldCompany": {"id": "old", "name": "\x00"}}, {"company": "new"}, "person.oldCompany.name"),
        ({"oldCompany": {"id": "old", "employeeCount": -1}}, {"company": "new"}, "person.oldCompany.employeeCount"),
        ({"oldCompany": "old", "newCompany": {"id": "n", "domain": "\x00"}}, {}, "person.newCompany.domain"),
        ({"newCompany": []}, {}, "person.newCompany.id"),
        ({}, {"company": {"id": "n", "name": "\x00"}, "changes": {"company": {"old": "o"}}}, "company.name"),
        ({}, {"changes": {"company": {"old": {"id": "a\n"}, "new": "n"}}}, "changes.company.old.id"),
        ({}, {"changes": {"company": {"old": "o", "new": {"id": 1.5}}}}, "changes.company.new.id"),
        ({"id": None, "oldCompany": "old"}, {}, "person.id"),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(person: dict[str, Any], parts: dict[str, Any], field: str) -> None:
    """Each company by the path that the sender wrote, on whichever record it is."""
    assert _refusal(person, **parts) == field
