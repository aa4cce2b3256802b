"""The original's payload: one JSON object in camelCase, a change of one person at one company.

A person who moves makes two records, one for each company, with the same event id. Who opts out does so everywhere: at
the company that is named, if one is, and by a hint wherever else they are known. Two ids are one person, or two, at the
company that is named, or wherever they are known.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple

from ingress.providers import Found, Skipped
from ingress.providers.fields import JsonObject, as_object, count, field_changes, identifier, instant, text
from ingress.providers.plain import DEFAULT_SOURCE, PLAIN_TYPES, plain_change
from schemas.events import (
    IDENTITY_TYPES,
    PERSON_TYPES,
    ChangeType,
    Company,
    FieldChange,
    InvalidChangeError,
    Movement,
    Person,
    PersonChange,
    canonical_type,
    validate_change,
)
from schemas.hints import PersonHint, validate_hint

TAKEN: Final = PERSON_TYPES | IDENTITY_TYPES | {ChangeType.OPTED_OUT, ChangeType.REFRESH_REQUESTED}
"""The types a webhook may carry; a user's own choice of role is no provider's to make."""
_MAX_SHOWN: Final = 80


class _Head(NamedTuple):
    """What the records of one payload share.

    Attributes:
        details: of the person, as the payload has them.
        said: what it says changed.
    """

    event_id: str
    source: str
    type: str
    occurred_at: int
    received_at: int
    details: JsonObject
    said: dict[str, FieldChange]


class _Named(NamedTuple):
    """A company, and where in the payload it stands."""

    company: Company
    field: str


def read_changes(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Found | Skipped:
    """The records of a payload, one a company.

    Args:
        payload: parsed JSON.
        received_at: ms UTC.
        source: the configured source's name, which counts whatever the payload says; None takes the payload's own.

    Returns:
        One or two valid changes; for an opt-out a hint besides; or why there is none.

    Raises:
        InvalidChangeError: names the first field that is wrong, as the sender spells it.
    """
    return read_payload(payload, received_at, source, frozenset())


def read_payload(
    payload: Any, received_at: int, source: str | None, hinted: AbstractSet[str]
) -> list[PersonChange] | Found | Skipped:
    """The same, where payloads of the types `hinted` become a hint when they name no company.

    So does what is said of two ids, which is a provider's word on all companies that know them.
    """
    if not isinstance(payload, dict):
        raise InvalidChangeError("body", "must be a JSON object with one change")
    if not isinstance(kind := payload.get("type"), str):
        raise InvalidChangeError("type", "must be given as text")
    if (kind := canonical_type(kind)) not in TAKEN:
        return Skipped(f"type {_shown(kind)} is none that a webhook may carry: {', '.join(sorted(TAKEN))}")
    if kind in PLAIN_TYPES and (plain := plain_change(payload, kind, received_at, source)) is not None:
        return [plain]
    head = _head(payload, kind, received_at, source)
    everywhere = kind in hinted or kind in IDENTITY_TYPES
    if kind == ChangeType.OPTED_OUT or (everywhere and not _names_company(payload, head)):
        return _everywhere(payload, head)
    if kind == ChangeType.COMPANY_CHANGE:
        return _move(payload, head)
    person = None if kind == ChangeType.REFRESH_REQUESTED else _person(head)
    return [_record(head, _Named(_company(payload.get("company"), "company"), "company"), person)]


def _head(payload: JsonObject, kind: str, received_at: int, source: str | None) -> _Head:
    event_id = identifier(payload.get("id"), "id")
    source = source or text(payload.get("source"), "source") or DEFAULT_SOURCE
    occurred_at = instant(payload.get("timestamp"), "timestamp", received_at)
    changes, details = field_changes(payload.get("changes"), "changes"), _details(payload)
    return _Head(event_id, source, kind, occurred_at, received_at, details, _said(changes, details))


def _move(payload: JsonObject, head: _Head) -> list[PersonChange]:
    """Who left somewhere, joined somewhere, or both; the same company twice is no move."""
    person, (joined, left) = _person(head), _companies(payload, head.details)
    if joined and left:
        if joined.company.id == left.company.id:
            return [_record(head, joined, person)]
        gone = _record(head, left, _as_left(person, head.said), Movement.LEFT, joined)
        return [gone, _record(head, joined, person, Movement.JOINED, left)]
    if left:
        return [_record(head, left, _as_left(person, head.said), Movement.LEFT)]
    if joined:
        return [_record(head, joined, person, Movement.JOINED)]
    raise InvalidChangeError("company.id", "must be given; or person.oldCompany.id, when the person only left")


def _record(
    head: _Head, at: _Named, person: Person | None, movement: Movement = Movement.NONE, other: _Named | None = None
) -> PersonChange:
    change = PersonChange(
        event_id=head.event_id,
        source=head.source,
        type=head.type,
        occurred_at=head.occurred_at,
        received_at=head.received_at,
        company=at.company,
        movement=movement,
        person=person,
        other_company=other.company if other else None,
        changes=head.said,
    )
    try:
        return validate_change(change)
    except InvalidChangeError as error:
        top, _, rest = error.field.partition(".")
        places = {"company": at.field, "otherCompany": other.field if other else "otherCompany"}
        raise InvalidChangeError(f"{places[top]}.{rest}" if top in places else error.field, error.reason) from None


def _everywhere(payload: JsonObject, head: _Head) -> Found:
    """A hint; and a change at the company that an opt-out names, which need not wait for the look-up.

    An opt-out takes no more of the person along than their id.
    """
    person = _person(head)
    if head.type == ChangeType.OPTED_OUT:
        head, person = head._replace(said={}), Person(person.id)
    if payload.get("company") is None:
        return Found(hints=(_hint(head, person),))
    at = _Named(_company(payload["company"], "company"), "company")
    return Found((_record(head, at, person),), (_hint(head, person),))


def _names_company(payload: JsonObject, head: _Head) -> bool:
    return payload.get("company") is not None or any(_companies(payload, head.details))


def _hint(head: _Head, person: Person) -> PersonHint:
    """What is said of a person wherever they are."""
    return validate_hint(
        PersonHint(
            event_id=head.event_id,
            source=head.source,
            type=head.type,
            occurred_at=head.occurred_at,
            received_at=head.received_at,
            person=person,
            changes=head.said,
        )
    )


def _companies(payload: JsonObject, person: JsonObject) -> tuple[_Named | None, _Named | None]:
    """The company joined and the one left.

    `company` is the one joined, unless it is the one left and another is named as new.
    """
    move = as_object(payload.get("changes"), "changes").get("company")
    if not isinstance(move, dict):
        move = {"new": move}
    left = _first((person.get("oldCompany"), "person.oldCompany"), (move.get("old"), "changes.company.old"))
    new = _first((person.get("newCompany"), "person.newCompany"), (move.get("new"), "changes.company.new"))
    given = _first((payload.get("company"), "company"))
    if given and new and left and given.company.id == left.company.id:
        return new, given if left.company == Company(left.company.id) else left
    return given or new, left


def _first(*candidates: tuple[Any, str]) -> _Named | None:
    """The first company that is given."""
    return next((_Named(_company(value, field), field) for value, field in candidates if value is not None), None)


def _company(value: Any, field: str) -> Company:
    """A company from an object, or from its bare id."""
    if not isinstance(value, dict):
        return Company(identifier(value, f"{field}.id"))
    try:
        return Company(
            identifier(value.get("id"), "id"),
            text(value.get("name"), "name"),
            text(value.get("domain"), "domain"),
            text(value.get("industry"), "industry"),
            count(value.get("employeeCount"), "employeeCount"),
        )
    except InvalidChangeError as error:
        raise InvalidChangeError(f"{field}.{error.field}", error.reason) from None


def _person(head: _Head) -> Person:
    """The person as they are now; a value that only `changes` has counts too."""
    given = head.details.get
    new = {name: change.new for name, change in head.said.items() if change.new}.get
    return Person(
        identifier(given("id"), "person.id"),
        text(given("name"), "person.name") or new("name"),
        text(given("email"), "person.email") or new("email"),
        text(given("linkedinUrl"), "person.linkedinUrl") or new("linkedinUrl"),
        text(given("newTitle"), "person.newTitle") or text(given("title"), "person.title") or new("title"),
        text(given("department"), "person.department") or new("department"),
        text(given("seniority"), "person.seniority") or new("seniority"),
        text(given("country"), "person.country") or new("country"),
    )


def _as_left(person: Person, said: dict[str, FieldChange]) -> Person:
    """The person as the company they left knew them: what is new of them belongs to the other one."""
    return Person(
        id=person.id,
        name=person.name,
        linkedin_url=person.linkedin_url,
        title=_old(said, "title"),
        department=_old(said, "department"),
        seniority=_old(said, "seniority"),
        country=person.country,
    )


def _details(payload: JsonObject) -> JsonObject:
    """The person's object; a bare id stands for one that says nothing else."""
    person = payload.get("person")
    return {"id": person} if isinstance(person, str | int) else as_object(person, "person")


def _said(changes: dict[str, FieldChange], details: JsonObject) -> dict[str, FieldChange]:
    """What the sender says changed; `oldTitle` and `newTitle` say it too."""
    if "title" not in changes:
        old, new = text(details.get("oldTitle"), "person.oldTitle"), text(details.get("newTitle"), "person.newTitle")
        if old or new:
            return {**changes, "title": FieldChange(old, new)}
    return changes


def _old(said: dict[str, FieldChange], name: str) -> str | None:
    return (said[name].old or None) if name in said else None


def _shown(kind: str) -> str:
    return repr(kind if len(kind) <= _MAX_SHOWN else f"{kind[:_MAX_SHOWN]}…")
