"""Lusha's signals and opt-outs."""

from typing import Any

import pytest

from schemas.events import Company, Movement, Person
from tests.support.payloads import (
    LUSHA,
    LUSHA_DAY,
    LUSHA_OPT_OUT,
    NOW,
    read,
    refusal,
)


def test_lushas_promotion_is_a_change_at_the_company_of_now() -> None:
    """Ids become text; what counts as the time is the day of the signal, not that of the delivery."""
    found = read("lusha", LUSHA)

    (change,) = found.changes
    assert found.hints == ()
    assert (change.event_id, change.source, change.type) == (LUSHA["id"], "lusha", "person.promotion")
    assert change.company == Company("40823133", "OMG Hospitality Group LLC", "omghospitalitygroup.com")
    assert change.person == Person("4158887495", title="Bartender", department="Other")
    assert (change.occurred_at, change.received_at, change.movement) == (LUSHA_DAY, NOW, Movement.NONE)


def test_lushas_move_says_joined_by_id_and_left_by_domain() -> None:
    """The company that was left has no id: that they left it is a hint, by name and domain, with the same event id."""
    found = read("lusha", {**LUSHA, "type": "companyChange"}, source="acme-lusha")

    (joined,), (left,) = found.changes, found.hints
    assert (joined.company.id, joined.movement, joined.type) == ("40823133", Movement.JOINED, "person.company_change")
    assert (left.person, left.movement) == (Person("4158887495"), Movement.LEFT)
    assert (left.company_name, left.company_domain) == ("First Watch Restaurants", "firstwatch.com")
    assert {joined.event_id, left.event_id} == {LUSHA["id"]}
    assert {joined.source, left.source} == {"acme-lusha"}


def test_lushas_move_with_both_ids_is_two_changes() -> None:
    """Each names the other company."""
    data = {**LUSHA["data"], "previousCompanyId": 7}
    left, joined = read("lusha", {**LUSHA, "type": "companyChange", "data": data}).changes

    assert (left.company.id, left.movement, left.other_company) == ("7", Movement.LEFT, joined.company)
    assert (joined.company.id, joined.movement, joined.other_company) == ("40823133", Movement.JOINED, left.company)
    assert left.person == Person("4158887495")


@pytest.mark.parametrize(
    "previous",
    [
        {"previousDomain": "omghospitalitygroup.com"},
        {"previousDomain": "OMGhospitalitygroup.com", "previousCompanyName": "x"},
        {"previousCompanyId": 40823133},
        {},
    ],
)
def test_nobody_leaves_the_company_that_they_are_at(previous: dict[str, Any]) -> None:
    """A previous company that is the present one, or none at all, is no departure."""
    data = {name: value for name, value in LUSHA["data"].items() if not name.startswith("previous")}
    found = read("lusha", {**LUSHA, "type": "companyChange", "data": {**data, **previous}})

    assert [(change.company.id, change.movement) for change in found.changes] == [("40823133", Movement.JOINED)]
    assert found.hints == ()


def test_lushas_opt_out_takes_along_nothing_but_the_id() -> None:
    """What must be forgotten is not published once more; a redelivery is the same event."""
    (hint,) = read("lusha", LUSHA_OPT_OUT).hints
    (again,) = read("lusha", LUSHA_OPT_OUT, NOW + 1000).hints

    assert (hint.type, hint.person, hint.changes) == ("person.opted_out", Person("987654321"), {})
    assert hint.occurred_at == 1_768_401_131_412
    assert again.event_id == hint.event_id


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({}, "type"),
        ({**LUSHA, "id": None}, "id"),
        ({**LUSHA, "data": None}, "data"),
        ({**LUSHA, "data": {**LUSHA["data"], "personId": {}}}, "data.personId"),
        ({**LUSHA, "data": {"currentCompanyId": 1}, "entityId": ""}, "entityId"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentCompanyId": None}}, "data.currentCompanyId"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentCompanyId": "\n"}}, "data.currentCompanyId"),
        ({**LUSHA, "data": {**LUSHA["data"], "signalDate": "July"}}, "data.signalDate"),
        ({**LUSHA, "data": {**LUSHA["data"], "signalDate": "2027-01-01"}}, "data.signalDate"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentTitle": 3}}, "data.currentTitle"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentDepartments": [7]}}, "data.currentDepartments[0]"),
        ({**LUSHA_OPT_OUT, "contactId": 1.5}, "contactId"),
    ],
)
def test_what_is_wrong_with_a_signal_is_named_as_lusha_spells_it(payload: Any, field: str) -> None:
    """Whoever looks at the delivery in Lusha's log finds it."""
    assert refusal("lusha", payload) == field
