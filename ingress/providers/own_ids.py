"""Companies that a source knows by ids of its own."""

from dataclasses import replace
from typing import Any

from ingress.providers import Adapter, Skipped
from schemas.events import Company, PersonChange, validate_change


def with_own_ids(name: str, read: Adapter) -> Adapter:
    """The same adapter, where company 77 of source `acme` is `acme:77`, which is no id of ours and stable for ever."""

    def theirs(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Skipped:
        found = read(payload, received_at, source)
        return found if isinstance(found, Skipped) else [_marked(name, change) for change in found]

    return theirs


def _marked(name: str, change: PersonChange) -> PersonChange:
    def own(company: Company) -> Company:
        return replace(company, id=f"{name}:{company.id}")

    other = change.other_company
    return validate_change(replace(change, company=own(change.company), other_company=own(other) if other else None))
