"""A company that turns out to be another one: what is known of it, said once more under the right id. Pure.

Each field is said again with the stamp that it has, so the rosters join as if it had been said there at once (law L4),
and so is what tells who is one person, earlier addresses and merges by hand, and what roles were set; and everybody has
left the company that is none.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.engine.evidence import OTHER, SAME
from consumers.engine.identifiers import EMAIL, Identifier, profile_url
from consumers.engine.register import Register, Stamp, parts_of
from consumers.engine.state import (
    FACT_FIELDS,
    JOB_FIELDS,
    PERSON_FIELDS,
    CompanyState,
    Employment,
    Identity,
    destination_of,
)
from schemas.events import MAX_ID_BYTES, ChangeType, Company, FieldChange, Movement, Person, PersonChange

SOURCE: Final = "company-link"
_PERSON: Final = {**{name: name for name in (*PERSON_FIELDS, *JOB_FIELDS)}, "stated_seniority": "seniority"}
"""The engine's fields, by the names that a change has for them."""


@dataclass(slots=True)
class _Said:
    """What one change said, as far as it still counts."""

    facts: dict[str, object] = field(default_factory=dict)
    people: dict[str, dict[str, object]] = field(default_factory=lambda: defaultdict(dict))


def link(old: CompanyState, ours: str, now: int, known: AbstractSet[Identity] = frozenset()) -> list[PersonChange]:
    """The changes that move a company's roster.

    Args:
        old: the company under the id that is none of ours, with its whole roster.
        ours: the company that it is.
        now: ms UTC.
        known: identities of changes that `ours` has had already.

    Returns:
        Changes at `ours` first, then the departures; the same state gives the former with the same ids again.
    """
    decided = [*_verdicts(old, ours, now), *_choices(old, ours, now)]
    moved = [*_facts_and_people(old, ours, now), *decided, *_beginnings(old, ours, now)]
    return [*_one_identity_each(moved, known), *_departures(old, ours, now)]


def _facts_and_people(old: CompanyState, ours: str, now: int) -> Iterator[PersonChange]:
    said: dict[Stamp, _Said] = defaultdict(_Said)
    for stamp, name, value in _fields(old.facts, FACT_FIELDS):
        said[stamp].facts[name] = value
    for person_id, employment in sorted(old.roster.items()):
        for register, names in ((employment.who, PERSON_FIELDS), (employment.job, JOB_FIELDS)):
            for stamp, name, value in _fields(register, names):
                said[stamp].people[person_id][_PERSON[name]] = value
        for stamp, name, value in _earlier(employment):
            said[stamp].people[person_id][name] = value
    for stamp, one in sorted(said.items()):
        company = Company(ours, **one.facts)  # type: ignore[arg-type]  # FACT_FIELDS are a company's fields
        if not one.people:
            yield _change(stamp, company, now)
        for person_id, values in one.people.items():
            movement = _movement(values.pop("present", None), old.roster[person_id], stamp)
            went_to = values.pop("went_to", None)
            person = Person(person_id, **values)  # type: ignore[arg-type]  # _PERSON are a person's fields
            if went_to is None:
                yield _change(stamp, company, now, movement, person)
            else:  # only a departure says where to
                left = _change(stamp, company, now, Movement.LEFT, person)
                yield replace(left, other_company=destination_of(str(went_to)))


def _earlier(employment: Employment) -> Iterator[tuple[Stamp, str, object]]:
    """Addresses and profiles that somebody had, as fields of a person."""
    for kind, value, stamp in employment.evidence:
        if kind == EMAIL:
            yield stamp, "email", value
        elif kind not in (SAME, OTHER):
            yield stamp, "linkedin_url", profile_url(Identifier(kind, value))


def _verdicts(old: CompanyState, ours: str, now: int) -> Iterator[PersonChange]:
    """What was said of two ids, whether or not anybody has them."""
    for person_id, employment in sorted(old.roster.items()):
        for kind, other, stamp in employment.evidence:
            if kind in (SAME, OTHER):
                change = _change(stamp, Company(ours), now, Movement.UNSTATED, Person(person_id))
                type_ = ChangeType.MERGED if kind == SAME else ChangeType.SPLIT
                yield replace(change, type=type_, changes={"id": FieldChange(other, person_id)})


def _choices(old: CompanyState, ours: str, now: int) -> Iterator[PersonChange]:
    """Roles that somebody set or took back, whether or not the person is here."""
    for _, choice in sorted(old.choices.items()):
        change = _change(choice.stamp, Company(ours), now, Movement.UNSTATED, Person(choice.person_id))
        yield replace(
            change,
            type=ChangeType.ROLE_SET,
            workspace_id=choice.workspace_id,
            role=choice.role,
            requested_by=choice.set_by,
        )


def _fields(register: Register, names: Sequence[str]) -> Iterator[tuple[Stamp, str, object]]:
    """Fields of which somebody has said something; what an earlier link said is of the old company only."""
    for name, value, stamp in zip(names, register.values, register.stamps, strict=True):
        if stamp and value is not None and parts_of(stamp)[1] != SOURCE:
            yield stamp, name, value


def _movement(present: object, employment: Employment, stamp: Stamp) -> Movement:
    if present is None:
        return Movement.UNSTATED
    if present is False:
        return Movement.LEFT
    return Movement.JOINED if employment.joined_at == parts_of(stamp)[0] else Movement.NONE


def _change(
    stamp: Stamp,
    company: Company,
    now: int,
    movement: Movement = Movement.UNKNOWN,
    person: Person | None = None,
) -> PersonChange:
    occurred_at, source, event_id = parts_of(stamp)
    return PersonChange(
        event_id=event_id,
        source=source,
        type=ChangeType.REFRESH_REQUESTED if person is None else ChangeType.ROLE_CHANGE,
        occurred_at=occurred_at,
        received_at=max(now, occurred_at),
        company=company,
        movement=movement,
        person=person,
    )


def _beginnings(old: CompanyState, ours: str, now: int) -> Iterator[PersonChange]:
    """When people joined or were first seen, where no field that still counts is as old as that."""
    for person_id, employment in sorted(old.roster.items()):
        evidence = (entry.stamp for entry in employment.evidence)
        stamps = [stamp for stamp in (*employment.who.stamps, *employment.job.stamps, *evidence) if stamp]
        times = {parts_of(stamp)[0] for stamp in stamps}
        presence = employment.job.stamps[0]
        joined_at = employment.joined_at
        if joined_at is not None and presence and joined_at < parts_of(presence)[0]:
            times.add(joined_at)
            yield _beginning(person_id, joined_at, Movement.JOINED, ours, now)
        if employment.first_seen_at < min(times, default=now):
            yield _beginning(person_id, employment.first_seen_at, Movement.UNSTATED, ours, now)


def _beginning(person_id: str, at: int, movement: Movement, ours: str, now: int) -> PersonChange:
    return PersonChange(
        event_id=_digest(movement, str(at), person_id),
        source=SOURCE,
        type=ChangeType.ROLE_CHANGE,
        occurred_at=at,
        received_at=max(now, at),
        company=Company(ours),
        movement=movement,
        person=Person(person_id),
    )


def _departures(old: CompanyState, ours: str, now: int) -> Iterator[PersonChange]:
    """A moment later than what says that somebody is there: what is said later still is found by the next link."""
    for person_id, employment in sorted(old.roster.items()):
        if not employment.present:
            continue
        at = parts_of(employment.job.stamps[0])[0] + 1
        yield PersonChange(
            event_id=_digest("left", str(at), person_id),
            source=SOURCE,
            type=ChangeType.COMPANY_CHANGE,
            occurred_at=at,
            received_at=max(now, at),
            company=Company(old.company_id),
            movement=Movement.LEFT,
            person=Person(person_id),
            other_company=Company(ours),
        )


def _one_identity_each(changes: Sequence[PersonChange], known: AbstractSet[Identity]) -> Iterator[PersonChange]:
    """At one company an identity has one effect (law L2), but one event may have said something of several people.

    Or of both companies: who left ours for theirs, which is ours, has not left, so that they are there is said anew.
    """
    seen: set[Identity] = set()
    for change in changes:
        event_id = change.event_id
        if Identity(change.source, event_id) in seen and change.person is not None:
            event_id = f"{event_id}~{change.person.id}"
        if Identity(change.source, event_id) in known and change.movement in (Movement.JOINED, Movement.NONE):
            event_id = f"{event_id}~moved"
        if len(event_id.encode()) > MAX_ID_BYTES:
            event_id = _digest(event_id)
        seen.add(Identity(change.source, event_id))
        yield replace(change, event_id=event_id)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
