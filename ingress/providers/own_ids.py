"""Companies that a source knows by ids of its own."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ingress.providers import Adapter, Found, Skipped
from schemas.events import Company, PersonChange, validate_change


def with_own_ids(name: str, read: Adapter) -> Adapter:
    """The same adapter, where company 77 of source `acme` is `acme:77`, which is no id of ours and stable for ever."""

    def theirs(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Found | Skipped:
        found = read(payload, received_at, source)
        if isinstance(found, Skipped):
            return found
        if isinstance(found, Found):
            return replace(found, changes=tuple(_marked(name, found.changes)))
        return _marked(name, found)

    return theirs


def _marked(name: str, changes: Iterable[PersonChange]) -> list[PersonChange]:
    def own(company: Company) -> Company:
        return replace(company, id=f"{name}:{company.id}")

    return [
        validate_change(
            replace(
                change,
                company=own(change.company),
                other_company=own(change.other_company) if change.other_company else None,
            )
        )
        for change in changes
    ]
