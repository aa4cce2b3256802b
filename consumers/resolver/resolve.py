"""The pure core: a hint and the companies that know the person become changes, or the reason why there are none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.events import IDENTITY_TYPES, ChangeType, Company, Movement, PersonChange
from schemas.hints import PersonHint


class Known(NamedTuple):
    """A company that knows a person.

    Attributes:
        person_id: the person's id on its roster.
        present: whether they work there now.
        sure: whether the source itself has said something of them there; else only the id is the same.
    """

    company_id: str
    person_id: str
    present: bool
    name: str | None
    domain: str | None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the hint is at each of the companies; at least one, but for an opt-out."""

    changes: tuple[PersonChange, ...]


@dataclass(frozen=True, slots=True)
class Parked:
    """Nobody can be told yet; the reason is for people."""

    reason: str


def resolve(hint: PersonHint, known: Sequence[Known]) -> Resolved | Parked:
    """Who is to be told of a hint.

    Whoever opted out is erased wherever they may be known, and need not be known anywhere. Which ids are one person is
    so everywhere; all else is for the companies where they are now, and a departure for the one that they left.

    Args:
        hint: valid.
        known: where the source's person is known, in an order that is always the same.
    """
    if hint.type == ChangeType.OPTED_OUT:
        return _told(hint, known)
    known = [place for place in known if place.sure]
    everywhere = hint.type in IDENTITY_TYPES
    told = [place for place in known if everywhere or (place.present and _is_meant(hint, place))]
    return _told(hint, told) if told else Parked(_why_nobody(hint, known))


def _why_nobody(hint: PersonHint, known: Sequence[Known]) -> str:
    if not known:
        return f"no company on the roster knows person {hint.person.id} of {hint.source}"
    if not any(place.present for place in known):
        return "they have left every company that knows them"
    if meant := hint.company_domain or hint.company_name:
        return f"none of the companies where they are is {meant}"
    return "it says that they left, but not which company"


def _told(hint: PersonHint, places: Sequence[Known]) -> Resolved:
    """One change a company: its identity is (company, source, event id), so a second one would be a duplicate."""
    one_each = {place.company_id: place for place in reversed(places)}
    companies = [one_each[company_id] for company_id in sorted(one_each)]
    return Resolved(tuple(hint.at(Company(place.company_id), place.person_id) for place in companies))


def _is_meant(hint: PersonHint, place: Known) -> bool:
    """By domain, and by name only where the sender gives none: of the few companies of one person, a name tells."""
    if hint.company_domain is not None:
        return place.domain is not None and _bare(place.domain) == _bare(hint.company_domain)
    if hint.company_name is not None:
        return place.name is not None and place.name.casefold() == hint.company_name.casefold()
    return hint.movement is not Movement.LEFT


def _bare(domain: str) -> str:
    return domain.casefold().removeprefix("www.").rstrip(".")
