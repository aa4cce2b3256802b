"""The change event: what every producer says and every consumer reads.

All times are integer milliseconds since 1970-01-01 UTC. Ids and texts are limited here, in one place, so that ingress
can refuse (422) exactly what the consumer would otherwise have to bury as a dead letter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schemas.values import value_class

MAX_ID_BYTES: Final = 255
"""Longest id in UTF-8 bytes: three of them must fit one PostgreSQL index entry (2,704 bytes)."""
MAX_TEXT_BYTES: Final = 4096
"""Longest text in UTF-8 bytes."""
MAX_CHANGED_FIELDS: Final = 100
MAX_LEAD_MS: Final = 24 * 3600 * 1000
"""How far a change may be dated after its receipt: one dated later would win over everything for ever (law L4)."""
MAX_TIME_MS: Final = 253_402_300_799_999
"""9999-12-31, the last millisecond that ISO 8601 and datetime can write."""
MAX_EMPLOYEES: Final = 2**62
DEFAULT_WORKSPACE: Final = "default"
"""Whose the group is that nobody names a workspace for."""


class Movement(StrEnum):
    """What a change says of the person's presence at the company: LEFT says gone, UNSTATED nothing, all else there."""

    UNKNOWN = "UNKNOWN"
    NONE = "NONE"
    JOINED = "JOINED"
    LEFT = "LEFT"
    UNSTATED = "UNSTATED"


class ChangeType(StrEnum):
    """The types that the engine acts on; others are recorded as ignored."""

    ROLE_CHANGE = "person.role_change"
    COMPANY_CHANGE = "person.company_change"
    PROMOTION = "person.promotion"
    DEPARTMENT_CHANGE = "person.department_change"
    OPTED_OUT = "person.opted_out"
    MERGED = "person.merged"
    SPLIT = "person.split"
    REFRESH_REQUESTED = "buyer_group.refresh_requested"
    ROLE_SET = "buyer_group.role_set"


TYPE_ALIASES: Final[Mapping[str, ChangeType]] = MappingProxyType(
    {"profile.update": ChangeType.ROLE_CHANGE, "job.change": ChangeType.COMPANY_CHANGE}
)
"""LinkedIn's names in the original quick start."""
PERSON_TYPES: Final = frozenset(
    {ChangeType.ROLE_CHANGE, ChangeType.COMPANY_CHANGE, ChangeType.PROMOTION, ChangeType.DEPARTMENT_CHANGE}
)
"""The types that say something of a person on the roster."""
IDENTITY_TYPES: Final = frozenset({ChangeType.MERGED, ChangeType.SPLIT})
"""The types that say of two ids, `person.id` and what `changes.id` was, that they are one person, or two."""


def canonical_type(name: str) -> str:
    """The type's own name for an alias; any other name as it is."""
    return TYPE_ALIASES.get(name, name)


class InvalidChangeError(ValueError):
    """A change that may not enter the log, or that was found in it all the same.

    Attributes:
        field: dotted name of the offending field, e.g. ``person.id``.
        reason: what is wrong with it, in words for the sender.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@value_class(frozen=True, slots=True)
class Company:
    """A company as a change names it; None says nothing about that field."""

    id: str
    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    employee_count: int | None = None


@value_class(frozen=True, slots=True)
class Person:
    """A person as a change names them; None says nothing about that field."""

    id: str
    name: str | None = None
    email: str | None = None
    linkedin_url: str | None = None
    title: str | None = None
    department: str | None = None
    seniority: str | None = None
    country: str | None = None


@value_class(frozen=True, slots=True)
class FieldChange:
    """What the sender says a field was and is."""

    old: str | None = None
    new: str | None = None


@value_class(frozen=True, slots=True)
class PersonChange:
    """One change of one person at one company; its identity is (company.id, source, event_id).

    Attributes:
        occurred_at: when it happened, ms UTC; decides which value wins (law L4).
        received_at: when our first system got it, ms UTC.
    """

    event_id: str
    source: str
    type: str
    occurred_at: int
    received_at: int
    company: Company
    movement: Movement = Movement.UNKNOWN
    person: Person | None = None
    other_company: Company | None = None
    changes: Mapping[str, FieldChange] = field(default_factory=dict)
    workspace_id: str | None = None
    requested_by: str | None = None
    role: str | None = None


def validate_change(change: PersonChange) -> PersonChange:
    """Hold a change against the limits of the contract and hand it back.

    Raises:
        InvalidChangeError: names the first field that breaks a limit.
    """
    check_times(change)
    if not _is_plain(change):
        _look_closely(change)
    return change


def _is_plain(change: PersonChange) -> bool:
    """Whether nothing of it can break a limit, because all its texts together break none, nor do its ids.

    That is so of most changes, and seen at a third of the cost of looking at each. Types with rules of their own are
    always looked at.
    """
    company, person, changes = change.company, change.person, change.changes
    if person is None or change.type not in PERSON_TYPES or len(changes) > MAX_CHANGED_FIELDS:
        return False
    if change.other_company or change.workspace_id is not None:
        return False
    ids = (change.event_id, change.source, change.type, company.id, person.id)
    texts = [company.name, company.domain, company.industry, person.name, person.email, person.linkedin_url]
    texts += [person.title, person.department, person.seniority, person.country, change.requested_by, change.role]
    for name, value in changes.items():
        texts += (name, value.old, value.new)
    written, said = "".join(ids), "".join(filter(None, texts))
    return (
        len(written) <= MAX_ID_BYTES
        and len(said) <= MAX_TEXT_BYTES
        and written.isascii()
        and written.isprintable()
        and all(map(str.strip, ids))
        and said.isascii()
        and "\x00" not in said
        and 0 <= (company.employee_count or 0) <= MAX_EMPLOYEES
    )


def _look_closely(change: PersonChange) -> None:
    for name, value in _ids(change):
        check_id(name, value)
    for name, text in _texts(change):
        if text is not None:
            check_text(name, text)
    for name, company in (("company", change.company), ("otherCompany", change.other_company)):
        if company and company.employee_count is not None and not 0 <= company.employee_count <= MAX_EMPLOYEES:
            raise InvalidChangeError(f"{name}.employeeCount", "must be a count of people, 0 or more")
    if change.person is None and canonical_type(change.type) in PERSON_TYPES | {ChangeType.OPTED_OUT}:
        raise InvalidChangeError("person", f"must be given for type {change.type}")
    if change.type in IDENTITY_TYPES:
        other_person_id(change)
    if len(change.changes) > MAX_CHANGED_FIELDS:
        raise InvalidChangeError("changes", f"has more than {MAX_CHANGED_FIELDS} fields")


def other_person_id(change: PersonChange) -> str:
    """The second id of a change of `IDENTITY_TYPES`; in a merge the one that gives way to `person.id`.

    Raises:
        InvalidChangeError: it names no two ids.
    """
    if change.person is None:
        raise InvalidChangeError("person", f"must be given for type {change.type}")
    said = change.changes.get("id")
    if said is None or said.old is None:
        raise InvalidChangeError("changes.id.old", f"must be the other id of the two for type {change.type}")
    check_id("changes.id.old", said.old)
    if said.new is not None and said.new != change.person.id:
        raise InvalidChangeError("changes.id.new", "must be person.id, where it is given")
    if said.old == change.person.id:
        raise InvalidChangeError("changes.id.old", "must be another id than person.id")
    return said.old


def _ids(change: PersonChange) -> Iterator[tuple[str, str]]:
    yield "id", change.event_id
    yield "source", change.source
    yield "type", change.type
    yield "company.id", change.company.id
    if change.person is not None:
        yield "person.id", change.person.id
    if change.other_company is not None:
        yield "otherCompany.id", change.other_company.id
    if change.workspace_id is not None:
        yield "workspaceId", change.workspace_id


def _texts(change: PersonChange) -> Iterator[tuple[str, str | None]]:
    for prefix, company in (("company", change.company), ("otherCompany", change.other_company)):
        if company is not None:
            yield f"{prefix}.name", company.name
            yield f"{prefix}.domain", company.domain
            yield f"{prefix}.industry", company.industry
    if person := change.person:
        yield "person.name", person.name
        yield "person.email", person.email
        yield "person.linkedinUrl", person.linkedin_url
        yield "person.title", person.title
        yield "person.department", person.department
        yield "person.seniority", person.seniority
        yield "person.country", person.country
    for name, value in change.changes.items():
        yield "changes", name
        yield f"changes.{name}.old", value.old
        yield f"changes.{name}.new", value.new
    yield "requestedBy", change.requested_by
    yield "role", change.role


def check_times(change: PersonChange) -> None:
    """Hold its times against the limits of the contract, and against each other.

    Raises:
        InvalidChangeError: names the one that breaks a limit.
    """
    if not 0 <= change.received_at <= MAX_TIME_MS:
        raise InvalidChangeError("receivedAt", "is not a time between the years 1970 and 9999")
    if not 0 <= change.occurred_at <= MAX_TIME_MS:
        raise InvalidChangeError("timestamp", "is not a time between the years 1970 and 9999")
    if change.occurred_at > change.received_at + MAX_LEAD_MS:
        raise InvalidChangeError("timestamp", "is more than a day in the future")


def check_id(name: str, value: str) -> None:
    """Hold an id against the limits that every id has.

    Raises:
        InvalidChangeError: `name` is the field that it names.
    """
    if not value.strip():
        raise InvalidChangeError(name, "must not be empty")
    if not value.isprintable() and any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):  # noqa: PLR2004
        raise InvalidChangeError(name, "must not contain control characters")
    _check_size(name, value, MAX_ID_BYTES)


def check_text(name: str, value: str) -> None:
    """Hold a text against the limits that every text has.

    Raises:
        InvalidChangeError: `name` is the field that it names.
    """
    if "\x00" in value:  # PostgreSQL's text has no NUL
        raise InvalidChangeError(name, "must not contain the NUL character")
    _check_size(name, value, MAX_TEXT_BYTES)


def _check_size(name: str, value: str, limit: int) -> None:
    if value.isascii() and len(value) <= limit:
        return
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise InvalidChangeError(name, "is not valid Unicode (a lone surrogate)") from None
    if size > limit:
        raise InvalidChangeError(name, f"is longer than {limit} bytes")
