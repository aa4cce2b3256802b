"""Companies and people that a source knows by ids of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ingress.providers import Adapter, Found, Skipped
from schemas.events import IDENTITY_TYPES, Company, FieldChange, Person, PersonChange, other_person_id, validate_change


def with_own_ids(name: str, read: Adapter, *, companies: bool = True, people: bool = False) -> Adapter:
    """The same adapter, where 77 of source `acme` is `acme:77`, which is no id of ours and stable for ever.

    Hints are left as they are: who is meant by a source's own id is what the resolver looks up.

    Args:
        name: the source's.
        read: its adapter.
        companies: whether the ids of companies are the source's own.
        people: the same of people.
    """

    def theirs(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Found | Skipped:
        found = read(payload, received_at, source)
        if isinstance(found, Skipped):
            return found
        if isinstance(found, Found):
            return replace(found, changes=tuple(marked(found.changes)))
        return marked(found)

    def marked(changes: Iterable[PersonChange]) -> list[PersonChange]:
        if companies:
            changes = [_of_their_companies(name, change) for change in changes]
        if people:
            changes = [_of_their_people(name, change) for change in changes]
        return [validate_change(change) for change in changes]

    return theirs


def _of_their_companies(name: str, change: PersonChange) -> PersonChange:
    def own(company: Company) -> Company:
        return replace(company, id=f"{name}:{company.id}")

    other = change.other_company
    return replace(change, company=own(change.company), other_company=own(other) if other else None)


def _of_their_people(name: str, change: PersonChange) -> PersonChange:
    if change.person is None:
        return change
    person = replace(change.person, id=f"{name}:{change.person.id}")
    return replace(change, person=person, changes=_of_their_pair(name, change, person))


def _of_their_pair(name: str, change: PersonChange, person: Person) -> Mapping[str, FieldChange]:
    """What changed; of two ids of people both are the source's own."""
    if change.type not in IDENTITY_TYPES:
        return change.changes
    return {**change.changes, "id": FieldChange(f"{name}:{other_person_id(change)}", person.id)}
