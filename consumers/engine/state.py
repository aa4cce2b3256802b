"""What the fold knows of one company, and what it answers. Plain immutable values; times are log time in ms UTC."""

from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal, NamedTuple

from consumers.engine.evidence import Evidence
from consumers.engine.register import Register, Stamp
from schemas.events import Company, Movement, Person, PersonChange
from schemas.values import maker, value_class

PERSON_FIELDS: Final = ("name", "email", "linkedin_url", "country")
JOB_FIELDS: Final = ("present", "title", "department", "stated_seniority", "went_to")
FACT_FIELDS: Final = ("name", "domain", "industry", "employee_count")
_SEPARATOR: Final = "\x1f"
PENDING_EVENTS_KEPT: Final = 100
"""How many of the changes waiting for a refresh are kept by id; the count goes on."""


class Identity(NamedTuple):
    """What makes two deliveries of a company one change (law L2)."""

    source: str
    event_id: str


_identity = maker(Identity)


class Delivery(NamedTuple):
    """One record of the log. `log_time` is the broker's timestamp, made never to go back within the partition.

    Attributes:
        marks: what its person is known by; empty as long as nobody has opted out.
        refused: whether its person had opted out before the batch.
    """

    log_time: int
    partition: int
    offset: int
    change: PersonChange
    marks: frozenset[bytes] = frozenset()
    refused: bool = False

    @property
    def identity(self) -> Identity:
        """The change's identity within its company."""
        return _identity((self.change.source, self.change.event_id))


class Employment(NamedTuple):
    """One person at the company, present or gone: who left stays, so that an older change cannot bring them back.

    Attributes:
        who: `PERSON_FIELDS`.
        job: `JOB_FIELDS`.
        joined_at: when the latest change that says joined occurred.
        first_seen_at: when the earliest change about the person occurred.
        evidence: what else was said of who they are, in order.
        canonical_id: the id that the last refresh knew the person by; None: they have no other id than this one.
    """

    person_id: str
    who: Register
    job: Register
    joined_at: int | None
    first_seen_at: int
    evidence: tuple[Evidence, ...] = ()
    canonical_id: str | None = None

    @property
    def present(self) -> bool:
        """Whether the person works here now."""
        return self.job.values[0] is True

    @property
    def went_to(self) -> Company | None:
        """Where they went, if the change that says they are gone says so too."""
        present, *_, destination = self.job.values
        if present is not False or destination is None or self.job.stamps[-1] != self.job.stamps[0]:
            return None
        return destination_of(str(destination))


class Choice(NamedTuple):
    """The role that somebody chose for a person in a workspace; whether they work here is another matter.

    Attributes:
        role: as they said it; None: they took their choice back.
        stamp: of who said so; the greatest counts (law L4).
    """

    workspace_id: str
    person_id: str
    role: str | None
    set_by: str | None
    stamp: Stamp

    def follows(self, other: "Choice") -> bool:
        """Whether this one counts of two for the same person and workspace."""
        mine = (self.stamp, self.role or "", self.set_by or "")
        return mine > (other.stamp, other.role or "", other.set_by or "")


ChoiceKey = tuple[str, str]
"""Workspace and person."""


def counting(choices: Mapping[ChoiceKey, Choice], roster: Mapping[str, Employment]) -> tuple[Choice, ...]:
    """The choice that counts of each person, under the id that they are known by, in order; those taken back do not."""
    found: dict[ChoiceKey, Choice] = {}
    for (workspace_id, person_id), choice in choices.items():
        known = roster.get(person_id)
        person_id_now = (known.canonical_id if known else None) or person_id
        key = (workspace_id, person_id_now)
        if key not in found or choice.follows(found[key]):
            found[key] = choice._replace(person_id=person_id_now)
    return tuple(choice for _, choice in sorted(found.items()) if choice.role is not None)


@value_class(frozen=True, slots=True)
class CompanyState:
    """One company before or after a fold.

    Attributes:
        facts: `FACT_FIELDS`.
        revision: how often the state has changed; the store compares it before it writes.
        refresh_due_at: when the trailing refresh is due; None when nothing is pending.
        pending_since: log time of the oldest change that no refresh covers.
        pending_events: their event ids, oldest first, the first `PENDING_EVENTS_KEPT`.
        roster: by person id; all of it when `roster_complete`, else only those whom the batch names.
        seen: log time of changes that are in the inbox, of those that the batch names.
        choices: all roles that somebody chose.
    """

    company_id: str
    facts: Register = Register.empty(len(FACT_FIELDS))  # immutable, so it can be shared
    revision: int = 0
    last_refresh_at: int | None = None
    refresh_due_at: int | None = None
    pending_since: int | None = None
    pending_count: int = 0
    pending_events: tuple[str, ...] = ()
    roster: Mapping[str, Employment] = field(default_factory=dict)
    roster_complete: bool = True
    seen: Mapping[Identity, int] = field(default_factory=dict)
    choices: Mapping[ChoiceKey, Choice] = field(default_factory=dict)


@value_class(frozen=True, slots=True)
class Refreshed:
    """The change is in the refresh made at its own log time."""

    at: int


@value_class(frozen=True, slots=True)
class Deferred:
    """The change is on the roster; the refresh at `until` covers it."""

    until: int


@value_class(frozen=True, slots=True)
class Superseded:
    """All that the change says was known already, or something newer was."""

    reason: str


@value_class(frozen=True, slots=True)
class Ignored:
    """The change is of a type that says nothing about a roster, or its person has opted out."""

    reason: str


@value_class(frozen=True, slots=True)
class Duplicate:
    """The change had its effect before."""


@value_class(frozen=True, slots=True)
class DeadLettered:
    """The change could not be applied; the record is kept whole."""

    reason: str


Outcome = Refreshed | Deferred | Superseded | Ignored | Duplicate | DeadLettered
Cause = Literal["change", "trailing", "requested"]


@value_class(frozen=True, slots=True)
class Refresh:
    """The group is to be computed from these facts and these people, as of log time `at`.

    Attributes:
        covered: how many changes it covers.
        event_ids: the first `PENDING_EVENTS_KEPT` of them, oldest first.
        people: everybody present, once, in order of the id that they are known by.
        corrected: by person id, what it was known as before and is from now on, where that is not the same.
        choices: roles that somebody chose and did not take back, in order, by the ids that people are known by.
        went_to: where those who are gone went, by the id that they are known by, as far as it is known.
        erased: ids of those who were erased since the fold's refresh before.
        made_of: by the id that somebody is known by, all of their ids, in order; of those who have several.
    """

    at: int
    cause: Cause
    covered: int
    event_ids: tuple[str, ...]
    facts: Register
    people: tuple[Employment, ...]
    corrected: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    went_to: Mapping[str, Company] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    made_of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Erasure(NamedTuple):
    """One opt-out at one company.

    Attributes:
        delivery: the opt-out; under an id that names nobody.
        person_ids: by which the company knows them; more than one where strong ids say that it is one person.
        known_as: other people's ids, by which groups have known them since a refresh before they were told apart.
        names: ids, addresses and profiles; where one of them is found, something of the person is.
        sources: whose ids they are.
        marks: what later changes about them are known by.
    """

    delivery: Delivery
    person_ids: tuple[str, ...]
    known_as: tuple[str, ...]
    names: tuple[str, ...]
    sources: tuple[str, ...]
    marks: frozenset[bytes]


@value_class(frozen=True, slots=True)
class Folded:
    """What a fold made of a company's deliveries.

    Attributes:
        outcomes: one for each delivery, in order (law L7).
        refreshes: in order of `at`.
        touched: ids of the people whose employment is another value than before.
        chosen: the choices that are other values than before.
        erasures: what must be erased besides the roster, in order.
    """

    state: CompanyState
    outcomes: tuple[tuple[Delivery, Outcome], ...]
    refreshes: tuple[Refresh, ...]
    touched: frozenset[str]
    chosen: frozenset[ChoiceKey] = frozenset()
    erasures: tuple[Erasure, ...] = ()


def facts_of(company: Company) -> tuple[str | int | None, ...]:
    """A company's fields in the order of `FACT_FIELDS`."""
    return (company.name, company.domain, company.industry, company.employee_count)


def who_of(person: Person) -> tuple[str | None, ...]:
    """A person's fields in the order of `PERSON_FIELDS`."""
    return (person.name, person.email, person.linkedin_url, person.country)


def job_of(movement: Movement, person: Person, other: Company | None) -> tuple[str | bool | None, ...]:
    """A job's fields in the order of `JOB_FIELDS`.

    Of somebody who left, the rest describes where they went, not this company: only presence and where to is taken.
    """
    if movement is Movement.LEFT:
        return (False, None, None, None, None if other is None else destination_value(other))
    present = None if movement is Movement.UNSTATED else True
    return (present, person.title, person.department, person.seniority, None)


def destination_value(company: Company) -> str:
    """Where somebody went as one value, so that one sender's name never stands beside another one's id."""
    return f"{company.id}{_SEPARATOR}{company.name or ''}"


def destination_of(value: str) -> Company:
    """The same read back; ids hold no control characters."""
    company_id, _, name = value.partition(_SEPARATOR)
    return Company(company_id, name or None)


def may_refresh(last_refresh_at: int | None, refresh_due_at: int | None, until: int, interval_ms: int) -> bool:
    """Whether any delivery up to log time `until` can lead to a refresh: then the whole roster must be loaded."""
    if last_refresh_at is None or until >= last_refresh_at + interval_ms:
        return True
    return refresh_due_at is not None and refresh_due_at <= until
