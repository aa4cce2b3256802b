"""The original's payload, field by field; what is wrong is named as the sender spells it."""

import time
from typing import Any

import pytest

from ingress.providers import Found, Skipped
from ingress.providers.original import TAKEN, read_changes
from schemas.events import ChangeType, Company, FieldChange, InvalidChangeError, Movement, Person, PersonChange

NOW = 1_760_097_601_000
DAY = 24 * 3600 * 1000


def _payload(**parts: Any) -> dict[str, Any]:
    """A promotion; `parts` replace its members, and those that are None go."""
    payload = {"id": "e1", "type": "person.promotion", "person": {"id": "p1"}, "company": {"id": "c1"}, **parts}
    return {name: part for name, part in payload.items() if part is not None}


def _move(person: dict[str, Any] | str | None = None, **parts: Any) -> dict[str, Any]:
    who = {"id": "p1", **person} if isinstance(person, dict) else person
    return _payload(**{"type": "person.company_change", "person": who or {"id": "p1"}, "company": None, **parts})


def _read(payload: Any, source: str | None = None) -> list[PersonChange]:
    found = read_changes(payload, NOW, source)
    assert isinstance(found, list)
    return found


def _one(**parts: Any) -> PersonChange:
    (change,) = _read(_payload(**parts))
    return change


def _person(**fields: Any) -> Person:
    person = _one(person={"id": "p1", **fields}).person
    assert person is not None
    return person


def _refusal(payload: Any) -> InvalidChangeError:
    with pytest.raises(InvalidChangeError) as caught:
        read_changes(payload, NOW, None)
    return caught.value


def test_every_field_has_its_place() -> None:
    """A payload that says all it can is read in full."""
    person = {"name": "Ada", "email": "a@b.c", "linkedinUrl": "in/ada", "title": "CFO", "department": "Finance"}
    change = _one(
        source="acme",
        timestamp="2025-10-10T12:00:00Z",
        person={"id": "p1", **person, "seniority": "cxo", "country": "GB"},
        company={"id": "c1", "name": "Acme", "domain": "acme.test", "industry": "Software", "employeeCount": 120},
        changes={"department": {"old": "Audit", "new": "Finance"}},
    )

    assert change == PersonChange(
        event_id="e1",
        source="acme",
        type=ChangeType.PROMOTION,
        occurred_at=NOW - 1000,
        received_at=NOW,
        company=Company("c1", "Acme", "acme.test", "Software", 120),
        movement=Movement.NONE,
        person=Person("p1", "Ada", "a@b.c", "in/ada", "CFO", "Finance", "cxo", "GB"),
        changes={"department": FieldChange("Audit", "Finance")},
    )


@pytest.mark.parametrize(
    ("person", "changes", "title"),
    [
        ({"newTitle": "A", "title": "B"}, {"title": {"new": "C"}}, "A"),
        ({"title": "B"}, {"title": {"new": "C"}}, "B"),
        ({}, {"title": {"old": "D", "new": "C"}}, "C"),
        ({}, {"title": "C"}, "C"),
        ({"newTitle": " ", "title": None}, {"title": {"new": "C"}}, "C"),
        ({"oldTitle": "D"}, {}, None),
        ({}, {"title": {"old": "D", "new": ""}}, None),
    ],
)
def test_the_title_is_the_newest_that_is_said(
    person: dict[str, Any], changes: dict[str, Any], title: str | None
) -> None:
    """First `person.newTitle`, then `person.title`, then `changes.title.new`; the old one never."""
    change = _one(person={"id": "p1", **person}, changes=changes)

    assert change.person == Person("p1", title=title)


@pytest.mark.parametrize("name", ["name", "email", "linkedinUrl", "department", "seniority", "country"])
def test_a_value_that_only_changes_has_counts(name: str) -> None:
    """What `person` leaves out is taken from `changes`, and what it says goes before."""
    changes = {name: {"old": "before", "new": "after"}}
    field = "linkedin_url" if name == "linkedinUrl" else name

    assert getattr(_one(changes=changes).person, field) == "after"
    assert getattr(_one(person={"id": "p1", name: "said"}, changes=changes).person, field) == "said"


def test_old_and_new_title_are_changes() -> None:
    """`oldTitle` and `newTitle` say the same as `changes.title`, which goes before."""
    titles = {"id": "p1", "oldTitle": "VP", "newTitle": "CRO"}

    assert _one(person=titles).changes == {"title": FieldChange("VP", "CRO")}
    assert _one(person=titles, changes={"title": {"old": "X"}}).changes == {"title": FieldChange("X", None)}


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ({"old": 1, "new": [True, None]}, FieldChange("1", "[true,null]")),
        (2.5, FieldChange(None, "2.5")),
        ({}, FieldChange(None, None)),
        (None, FieldChange(None, None)),
        ({"old": {"id": "ä"}}, FieldChange('{"id":"ä"}', None)),
    ],
)
def test_a_change_that_is_no_text_is_kept_as_json(value: Any, change: FieldChange) -> None:
    """What we do not understand is not thrown away."""
    assert _one(changes={"x": value}).changes == {"x": change}


@pytest.mark.parametrize(
    ("alias", "kind"), [("profile.update", ChangeType.ROLE_CHANGE), ("job.change", ChangeType.COMPANY_CHANGE)]
)
def test_linkedin_s_names_are_ours(alias: str, kind: ChangeType) -> None:
    """The aliases of the original enter the log under the type's own name."""
    assert _one(type=alias).type == kind


@pytest.mark.parametrize("kind", sorted(TAKEN))
def test_all_types_of_the_documentation_are_taken(kind: str) -> None:
    """Each of them makes one record of its type; who opts out does so elsewhere as well."""
    found = read_changes(_payload(type=kind, changes={"id": {"old": "p2"}}), NOW, None)
    assert not isinstance(found, Skipped)
    changes, hints = (found.changes, found.hints) if isinstance(found, Found) else (found, ())
    assert [change.type for change in changes] == [kind]
    assert [hint.type for hint in hints] == ([kind] if kind == "person.opted_out" else [])


@pytest.mark.parametrize("kind", ["person.merged", "person.split"])
def test_what_is_said_of_two_ids_without_a_company_is_said_everywhere(kind: str) -> None:
    """A provider merges its records, not a company's: a hint, which keeps the provider's own ids."""
    found = read_changes(_payload(type=kind, company=None, changes={"id": {"old": 7, "new": "p1"}}), NOW, None)

    assert isinstance(found, Found)
    ((hint,), changes) = (found.hints, found.changes)
    assert (hint.person, dict(hint.changes), changes) == (Person("p1"), {"id": FieldChange("7", "p1")}, ())
    assert _refusal(_payload(type=kind)).field == "changes.id.old"
    assert _refusal(_payload(type=kind, company=None)).field == "changes.id.old"


def test_a_request_for_a_refresh_needs_no_person() -> None:
    """Nor does it name one when the payload does."""
    assert _one(type="buyer_group.refresh_requested", person=None).person is None
    assert _one(type="buyer_group.refresh_requested").person is None


@pytest.mark.parametrize("kind", ["other", "", "PERSON.PROMOTION", "x" * 10_000, "\ud800"])
def test_another_type_is_skipped_with_its_name(kind: str) -> None:
    """Not refused: its sender did nothing wrong; the name is shown, but not at any length."""
    found = read_changes(_payload(type=kind), NOW, None)

    assert isinstance(found, Skipped)
    assert repr(kind[:80])[1:-1] in found.reason
    assert len(found.reason) < 500


def test_ids_may_be_numbers() -> None:
    """Whole numbers are ids as much as their digits are."""
    change = _one(id=7, person={"id": 8}, company={"id": -9})

    assert (change.event_id, change.person, change.company) == ("7", Person("8"), Company("-9"))


def test_person_and_company_may_be_bare_ids() -> None:
    """An id alone stands for an object that says nothing else."""
    change = _one(person=8, company="c9")

    assert (change.person, change.company) == (Person("8"), Company("c9"))


@pytest.mark.parametrize(
    ("given", "configured", "source"),
    [
        ("acme", None, "acme"),
        (None, None, "generic"),
        (" ", None, "generic"),
        ("acme", "feed", "feed"),
        (5, "feed", "feed"),
    ],
)
def test_the_configured_source_goes_before_the_payload_s(given: Any, configured: str | None, source: str) -> None:
    """On a configured source's URL the payload's word does not count; without both it is `generic`."""
    assert _read(_payload(source=given), configured)[0].source == source


@pytest.mark.parametrize(
    ("timestamp", "ms"),
    [
        (None, NOW),
        (NOW - 5, NOW - 5),
        (0, 0),
        ("2025-10-10T12:00:00Z", NOW - 1000),
        ("2025-10-10T14:00:00.5+02:00", NOW - 500),
        ("2025-10-10T12:00:00", NOW - 1000),
        ("2025-10-10", 1_760_054_400_000),
        ("2025-10-11T12:00:01Z", NOW + DAY),
    ],
)
def test_times_are_iso_8601_or_ms(timestamp: Any, ms: int) -> None:
    """Without a zone it is UTC; without a time, that of receipt; up to a day ahead is a clock that is wrong."""
    change = _one(timestamp=timestamp)

    assert (change.occurred_at, change.received_at) == (ms, NOW)


def test_a_time_without_a_zone_is_utc_wherever_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own zone does not count."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert _one(timestamp="2025-10-10T12:00:00").occurred_at == NOW - 1000
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("timestamp", "why"),
    [
        (NOW + DAY + 1, "more than a day in the future"),
        ("2025-10-11T12:00:01.001Z", "more than a day in the future"),
        ("9999-12-31T23:59:59-14:00", "between the years"),
        ("0001-01-01T00:00:00+14:00", "between the years"),
        (-1, "between the years"),
        (10**400, "between the years"),
        (1_760_097_601, "seconds"),
        ("1760097601000", "ISO 8601"),
        ("yesterday", "ISO 8601"),
        ("", "ISO 8601"),
        (1.5e12, "ISO 8601 text or whole milliseconds"),
        (True, "ISO 8601 text or whole milliseconds"),
        ({}, "ISO 8601 text or whole milliseconds"),
    ],
)
def test_other_times_are_refused(timestamp: Any, why: str) -> None:
    """A change dated later would win over everything for ever; the rest is no time."""
    error = _refusal(_payload(timestamp=timestamp))

    assert error.field == "timestamp"
    assert why in error.reason


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ("text", "body"),
        (None, "body"),
        (_payload(type=None), "type"),
        (_payload(type=5), "type"),
        (_payload(id=None), "id"),
        (_payload(id=""), "id"),
        (_payload(id=1.5), "id"),
        (_payload(id=True), "id"),
        (_payload(id="a\nb"), "id"),
        (_payload(id="é" * 128), "id"),
        (_payload(source=5), "source"),
        (_payload(source="a\x00"), "source"),
        (_payload(person=None), "person.id"),
        (_payload(person=[]), "person"),
        (_payload(person=True), "person.id"),
        (_payload(person={"id": {}}), "person.id"),
        (_payload(person={"id": "p", "linkedinUrl": 5}), "person.linkedinUrl"),
        (_payload(person={"id": "p", "linkedinUrl": "x" * 4097}), "person.linkedinUrl"),
        (_payload(person={"id": "p", "newTitle": 5}), "person.newTitle"),
        (_payload(person={"id": "p", "oldTitle": 5}), "person.oldTitle"),
        (_payload(person={"id": "p", "name": "\ud800"}), "person.name"),
        (_payload(company=None), "company.id"),
        (_payload(company={}), "company.id"),
        (_payload(company={"id": "c", "employeeCount": -1}), "company.employeeCount"),
        (_payload(company={"id": "c", "employeeCount": 1.5}), "company.employeeCount"),
        (_payload(company={"id": "c", "employeeCount": True}), "company.employeeCount"),
        (_payload(company={"id": "c", "name": []}), "company.name"),
        (_payload(changes=[]), "changes"),
        (_payload(changes={"\ud800": 1}), "changes"),
        (_payload(changes={str(n): 1 for n in range(101)}), "changes"),
        (_payload(changes={"x": {"old": "a\x00"}}), "changes.x.old"),
        (_payload(changes={"x": "y" * 4097}), "changes.x.new"),
    ],
)
def test_what_is_wrong_is_named(payload: Any, field: str) -> None:
    """The first wrong field, with its dotted path in the payload."""
    assert _refusal(payload).field == field


@pytest.mark.parametrize("name", ["newTitle", "oldTitle"])
def test_a_title_that_is_too_long_is_named_as_it_came(name: str) -> None:
    """The sender wrote `person.newTitle`, so that is what must be shorter."""
    assert _refusal(_payload(person={"id": "p", name: "x" * 5000})).field == f"person.{name}"
