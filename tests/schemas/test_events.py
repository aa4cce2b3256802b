"""What may enter the log: the limits of a change, and errors that name the field in the sender's own words."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.events import (
    MAX_CHANGED_FIELDS,
    MAX_EMPLOYEES,
    MAX_ID_BYTES,
    MAX_LEAD_MS,
    MAX_TEXT_BYTES,
    MAX_TIME_MS,
    PERSON_TYPES,
    TYPE_ALIASES,
    ChangeType,
    Company,
    FieldChange,
    InvalidChangeError,
    Movement,
    Person,
    PersonChange,
    canonical_type,
    check_id,
    other_person_id,
    validate_change,
)

_IDS = ["id", "source", "type", "company.id", "person.id", "otherCompany.id", "workspaceId"]
_TEXTS = [
    *(f"{company}.{name}" for company in ("company", "otherCompany") for name in ("name", "domain", "industry")),
    *(f"person.{name}" for name in ("name", "email", "linkedinUrl", "title", "department", "seniority", "country")),
    "changes.title.old",
    "changes.title.new",
    "requestedBy",
    "role",
]
_ATTRIBUTES = {
    "id": "event_id",
    "workspaceId": "workspace_id",
    "requestedBy": "requested_by",
    "otherCompany": "other_company",
    "linkedinUrl": "linkedin_url",
    "employeeCount": "employee_count",
}


def _with(change: PersonChange, field: str, value: Any) -> PersonChange:
    """The change with one field, named as the sender names it, set to a value."""
    head, _, rest = field.partition(".")
    attribute = _ATTRIBUTES.get(head, head)
    inner = _ATTRIBUTES.get(rest, rest) if rest != "id" else "id"
    match head:
        case "changes":
            return replace(change, changes={"title": FieldChange(**{rest.removeprefix("title."): value})})
        case "company" | "otherCompany":
            company: Any = getattr(change, attribute) or Company("c-2")
            return replace(change, **{attribute: replace(company, **{inner: value})})
        case "person":
            return replace(change, person=replace(change.person or Person("p-1"), **{inner: value}))
        case _:
            return replace(change, **{attribute: value})


def _refusal(change: PersonChange) -> InvalidChangeError:
    with pytest.raises(InvalidChangeError) as caught:
        validate_change(change)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.reason}"
    return caught.value


def test_a_valid_change_is_handed_back_as_it_is(change: PersonChange) -> None:
    """Validating changes nothing, so that it can stand anywhere in an expression."""
    assert validate_change(change) is change


@pytest.mark.parametrize("field", _IDS)
@pytest.mark.parametrize("value", ["x" * MAX_ID_BYTES, "é" * (MAX_ID_BYTES // 2), "😀" * (MAX_ID_BYTES // 4), "a b"])
def test_ids_up_to_255_bytes_pass(change: PersonChange, field: str, value: str) -> None:
    """The limit counts bytes in UTF-8, and the longest id still fits."""
    validate_change(_with(change, field, value))


@pytest.mark.parametrize("field", _IDS)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * (MAX_ID_BYTES + 1), "is longer than 255 bytes"),
        ("é" * (MAX_ID_BYTES // 2 + 1), "is longer than 255 bytes"),
        ("😀" * (MAX_ID_BYTES // 4 + 1), "is longer than 255 bytes"),
        ("", "must not be empty"),
        (" \u2003\t", "must not be empty"),
        ("a\x00b", "must not contain control characters"),
        ("a\nb", "must not contain control characters"),
        ("a\x7f", "must not contain control characters"),
        ("a\ud800", "is not valid Unicode (a lone surrogate)"),
    ],
)
def test_an_id_beyond_the_limits_is_refused_by_name(change: PersonChange, field: str, value: str, reason: str) -> None:
    """Every id has the same limits, and the error says which one broke which."""
    refused = _refusal(_with(change, field, value))
    assert (refused.field, refused.reason) == (field, reason)


@pytest.mark.parametrize("field", _TEXTS)
@pytest.mark.parametrize("value", [None, "", "x" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2), "line\nbreak\t\x01"])
def test_texts_up_to_4096_bytes_pass(change: PersonChange, field: str, value: str | None) -> None:
    """A text may be absent, empty, long, and hold line breaks and tabs."""
    validate_change(_with(change, field, value))


@pytest.mark.parametrize("field", _TEXTS)
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * (MAX_TEXT_BYTES + 1), "is longer than 4096 bytes"),
        ("é" * (MAX_TEXT_BYTES // 2 + 1), "is longer than 4096 bytes"),
        ("a\x00b", "must not contain the NUL character"),
        ("\udfff", "is not valid Unicode (a lone surrogate)"),
    ],
)
def test_a_text_beyond_the_limits_is_refused_by_name(change: PersonChange, field: str, value: str, reason: str) -> None:
    """Every text has the same limits, and the error says which one broke which."""
    refused = _refusal(_with(change, field, value))
    assert (refused.field, refused.reason) == (field, reason)


@pytest.mark.parametrize("name", ["x" * (MAX_TEXT_BYTES + 1), "a\x00b", "\ud800"])
def test_the_name_of_a_changed_field_is_a_text_too(change: PersonChange, name: str) -> None:
    """Names of changed fields come from the sender as well, so they have the limits of texts."""
    assert _refusal(replace(change, changes={name: FieldChange()})).field == "changes"


def test_a_hundred_changed_fields_pass_and_no_more(change: PersonChange) -> None:
    """The list of what changed is for people to read, and bounded."""
    changes = {str(number): FieldChange() for number in range(MAX_CHANGED_FIELDS)}
    validate_change(replace(change, changes=changes))
    refused = _refusal(replace(change, changes={**changes, "one more": FieldChange()}))
    assert (refused.field, refused.reason) == ("changes", "has more than 100 fields")


@pytest.mark.parametrize("field", ["company.employeeCount", "otherCompany.employeeCount"])
def test_an_employee_count_is_a_count(change: PersonChange, field: str) -> None:
    """Nobody has fewer than no employees, or more than the database can hold."""
    for good in (None, 0, 1, MAX_EMPLOYEES):
        validate_change(_with(change, field, good))
    for bad in (-1, MAX_EMPLOYEES + 1):
        assert _refusal(_with(change, field, bad)).field == field


def test_a_change_may_be_dated_a_day_ahead_and_no_more(change: PersonChange) -> None:
    """A change from the far future would win over everything for ever (L4); a day forgives any time zone mistake."""
    validate_change(replace(change, occurred_at=change.received_at + MAX_LEAD_MS))
    refused = _refusal(replace(change, occurred_at=change.received_at + MAX_LEAD_MS + 1))
    assert (refused.field, refused.reason) == ("timestamp", "is more than a day in the future")
    assert MAX_LEAD_MS == 86_400_000


def test_a_change_may_be_of_any_age(change: PersonChange) -> None:
    """Backfills bring changes from long ago; the roster's join puts them where they belong."""
    validate_change(replace(change, occurred_at=0))


@pytest.mark.parametrize(("attribute", "field"), [("occurred_at", "timestamp"), ("received_at", "receivedAt")])
@pytest.mark.parametrize("value", [-1, -(2**63), MAX_TIME_MS + 1, 2**63 - 1])
def test_a_time_is_one_that_can_be_written(change: PersonChange, attribute: str, field: str, value: int) -> None:
    """Times outside 1970 to 9999 cannot be shown, stored or compared; they are refused by name."""
    refused = _refusal(replace(change, **{attribute: value}))  # type: ignore[arg-type]  # both fields are times
    assert refused.field == field


@pytest.mark.parametrize("kind", [*sorted(PERSON_TYPES), *TYPE_ALIASES])
def test_a_change_of_a_person_names_the_person(change: PersonChange, kind: str) -> None:
    """A type that is about a person, by whichever of its names, cannot come without one."""
    refused = _refusal(replace(change, type=kind, person=None))
    assert (refused.field, refused.reason) == ("person", f"must be given for type {kind}")


@pytest.mark.parametrize("kind", ["buyer_group.refresh_requested", "something.we.do.not.know"])
def test_other_changes_need_no_person(change: PersonChange, kind: str) -> None:
    """A refresh request is about a company; an unknown type is recorded as ignored, not refused."""
    validate_change(replace(change, type=kind, person=None))


def test_linkedins_names_stand_for_ours() -> None:
    """The two names of the original quick start keep working."""
    assert canonical_type("profile.update") == "person.role_change"
    assert canonical_type("job.change") == "person.company_change"


@pytest.mark.parametrize("kind", [*ChangeType, "something.else", "", "Profile.Update"])
def test_every_other_name_stands_for_itself(kind: str) -> None:
    """Nothing is an alias by accident: not by case, not by likeness."""
    assert canonical_type(kind) == kind


def test_the_types_are_those_of_the_contract() -> None:
    """The names that other teams send are spelled as the contract spells them."""
    assert set(ChangeType) == {
        "person.role_change",
        "person.company_change",
        "person.promotion",
        "person.department_change",
        "person.opted_out",
        "person.merged",
        "person.split",
        "buyer_group.refresh_requested",
        "buyer_group.role_set",
    }


@pytest.mark.parametrize("kind", ["person.merged", "person.split"])
@pytest.mark.parametrize(
    ("person", "said", "field"),
    [
        (None, {"id": FieldChange("p2", "p1")}, "person"),
        (Person("p1"), {}, "changes.id.old"),
        (Person("p1"), {"id": FieldChange(None, "p1")}, "changes.id.old"),
        (Person("p1"), {"id": FieldChange(" ", "p1")}, "changes.id.old"),
        (Person("p1"), {"id": FieldChange("x" * 256)}, "changes.id.old"),
        (Person("p1"), {"id": FieldChange("p1")}, "changes.id.old"),
        (Person("p1"), {"id": FieldChange("p2", "p3")}, "changes.id.new"),
    ],
)
def test_what_is_said_of_two_ids_names_both(
    kind: str, person: Person | None, said: dict[str, FieldChange], field: str
) -> None:
    """Ingress refuses, and the consumer buries, what could not be decided."""
    change = PersonChange("e1", "test", kind, 0, 0, Company("c-1"), person=person, changes=said)
    with pytest.raises(InvalidChangeError) as refused:
        validate_change(change)
    assert refused.value.field == field


def test_the_other_of_two_ids_is_what_the_id_was() -> None:
    """With or without the id that stays, which is `person.id`."""
    for said in (FieldChange("p2"), FieldChange("p2", "p1")):
        change = PersonChange("e1", "test", "person.merged", 0, 0, Company("c-1"), Movement.NONE, Person("p1"))
        assert other_person_id(validate_change(replace(change, changes={"id": said}))) == "p2"


def test_an_id_outside_a_change_has_the_same_limits() -> None:
    """Routes and commands check their ids by the same rule, under the name that they give."""
    check_id("companyId", "c-1")
    with pytest.raises(InvalidChangeError, match=r"^companyId: is longer than 255 bytes$"):
        check_id("companyId", "x" * 256)
