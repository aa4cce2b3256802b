"""What an opt-out does to one company's state, and how texts that name the person are found. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

from consumers.engine.evidence import OTHER, SAME
from consumers.engine.identifiers import EMAIL, Identifier, profile_url
from consumers.engine.identity import resolve
from consumers.engine.register import Register, parts_of, stamp_of_parts
from consumers.engine.state import Delivery, Employment, Erasure
from schemas.events import InvalidChangeError, Person

MarksOf = Callable[[str, Person], frozenset[bytes]]
"""From a source and a person as it knows them to the marks that they are known by."""
NAMED: Final = "erased"
"""Stands for the id of an event that named an erased person."""
LONG: Final = 4
"""An id this long is found anywhere in a text; a shorter one, or a number, must stand alone: it is a part of many."""
_LONGEST: Final = 200
"""Of a longer text the beginning is looked for: what reading a pattern takes grows faster than the pattern."""
_TOGETHER: Final = 1000
"""Patterns are joined up to this length: a text is gone through once for all of them, and each is still soon read."""


def plain_marks(_: str, person: Person) -> frozenset[bytes]:
    """The id alone, without a key: enough where nothing is stored."""
    return frozenset({person.id.encode()})


def is_counter(person_id: str) -> bool:
    """Whether an id is only a number: another source's 123 is somebody else, any other id is taken for one person."""
    return person_id.isascii() and person_id.isdigit()


def _known_as(row: Employment) -> list[Person]:
    """The person with the address and profile that count now, and with each that was ever said of them."""
    _, email, linkedin_url, _ = row.who.values
    now = Person(row.person_id, email=email, linkedin_url=linkedin_url)  # type: ignore[arg-type]  # PERSON_FIELDS
    earlier = [Identifier(entry.kind, entry.value) for entry in row.evidence if entry.kind not in (SAME, OTHER)]
    return [now, *(_under(row.person_id, identifier) for identifier in earlier)]


def _under(person_id: str, identifier: Identifier) -> Person:
    if identifier.kind == EMAIL:
        return Person(person_id, email=identifier.value)
    return Person(person_id, linkedin_url=profile_url(identifier))


def _sources_of(employment: Employment) -> set[str]:
    """Who has said something of a person that still counts."""
    stamps = (*employment.who.stamps, *employment.job.stamps)
    return {parts_of(stamp)[1] for stamp in stamps if stamp}


def erasure_of(delivery: Delivery, roster: Mapping[str, Employment], marks_of: MarksOf) -> Erasure:
    """What an opt-out means at a company: rows that identity holds for one, or that share a mark, are one person's.

    Args:
        delivery: the opt-out.
        roster: all of it, by person id.
        marks_of: what a person is known by.

    Raises:
        InvalidChangeError: it names nobody.
    """
    source, person = delivery.change.source, delivery.change.person
    if person is None:
        raise InvalidChangeError("person", f"must be given for type {delivery.change.type}")
    rows, marks = _same_person(source, person, roster, marks_of)
    people = [person, *(known for row in rows for known in _known_as(row))]
    sources = {source}.union(*map(_sources_of, rows))
    ids = sorted({known.id for known in people})
    known_as = sorted({row.canonical_id for row in rows if row.canonical_id is not None}.difference(ids))
    return Erasure(delivery, tuple(ids), tuple(known_as), names_of(people), tuple(sorted(sources)), frozenset(marks))


def _same_person(
    source: str, person: Person, roster: Mapping[str, Employment], marks_of: MarksOf
) -> tuple[list[Employment], set[bytes]]:
    marks, found = set(marks_of(source, person)), list[Employment]()
    canonical = resolve(roster)
    one = canonical.get(person.id, person.id)
    rest = {i: (row, _all_marks(row, marks_of)) for i, row in roster.items()}
    while joined := [i for i, (_, theirs) in rest.items() if canonical.get(i, i) == one or marks & theirs]:
        for person_id in joined:
            row, theirs = rest.pop(person_id)
            found.append(row)
            marks |= theirs
    return found, marks


def _all_marks(row: Employment, marks_of: MarksOf) -> frozenset[bytes]:
    sources = sorted(_sources_of(row))
    return frozenset().union(*(marks_of(source, person) for source in sources for person in _known_as(row)))


def others(roster: Mapping[str, Employment], ids: frozenset[str]) -> tuple[dict[str, Employment], set[str]]:
    """The roster without these people, and whose rows are others: nobody is said, or known, to be one of them."""
    left = {i: _without_ids(row, ids) for i, row in roster.items() if i not in ids}
    return left, {i for i, row in left.items() if row is not roster[i]}


def _without_ids(row: Employment, ids: frozenset[str]) -> Employment:
    kept = tuple(entry for entry in row.evidence if entry.kind not in (SAME, OTHER) or entry.value not in ids)
    known_as = None if row.canonical_id in ids else row.canonical_id
    same = kept == row.evidence and known_as == row.canonical_id
    return row if same else row._replace(evidence=kept, canonical_id=known_as)


def names_of(people: Iterable[Person]) -> tuple[str, ...]:
    """The texts by which people are found: not their names, which others have too."""
    found = (text for person in people for text in (person.id, person.email, person.linkedin_url))
    return tuple(dict.fromkeys(text for text in found if text))


def patterns_of(names: Iterable[str]) -> tuple[str, ...]:
    """Regular expressions, in any case, for texts that hold one of these; Python and PostgreSQL read them alike.

    A text is meant as soon as one of them finds something in it. All in one would be more than PostgreSQL can read.
    """
    return joined(map(pattern_of, names))


def joined(patterns: Iterable[str]) -> tuple[str, ...]:
    """The same alternatives in fewer expressions, none of which is long unless it was."""
    groups = list[str]()
    for pattern in patterns:
        if groups and len(groups[-1]) + len(pattern) < _TOGETHER:
            groups[-1] += f"|{pattern}"
        else:
            groups.append(pattern)
    return tuple(groups)


def pattern_of(name: str) -> str:
    """The regular expression for one name; p-100 is not p-1001, who keeps their letters."""
    if len(name) < LONG or is_counter(name):
        return beginning(name, "(?![0-9A-Za-z])", before="(?<![0-9A-Za-z])")
    return beginning(name, "(?![0-9])" if name[-1].isdigit() else "")


def beginning(text: str, end: str, before: str = "") -> str:
    """A regular expression for a text between what must stand before and after it; for as much of it as will do."""
    return before + (re.escape(text) + end if len(text) <= _LONGEST else re.escape(text[:_LONGEST]))


@lru_cache(maxsize=100)
def _compiled(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns_of(names)), re.IGNORECASE)


def mentions(text: str, names: tuple[str, ...]) -> bool:
    """Whether a text, such as the id of an event, holds one of these."""
    return _compiled(names).search(text) is not None


def unnamed(delivery: Delivery) -> Delivery:
    """The delivery under an id that tells nothing, if its own names the person: the place in the log is as unique."""
    change = delivery.change
    if change.person is None or not mentions(change.event_id, names_of([change.person])):
        return delivery
    return delivery._replace(change=replace(change, event_id=f"{NAMED}:{delivery.partition}-{delivery.offset}"))


def without_names(register: Register, names: tuple[str, ...]) -> Register:
    """The same values, their stamps without ids of events that name a person."""
    return Register(register.values, tuple(_nameless(stamp, names) for stamp in register.stamps))


def _nameless(stamp: str, names: tuple[str, ...]) -> str:
    if not stamp or not mentions(parts_of(stamp)[2], names):
        return stamp
    occurred_at, source, _ = parts_of(stamp)
    return stamp_of_parts(occurred_at, source, NAMED)
