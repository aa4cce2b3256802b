"""People as providers tell of them, for tests of who is one person."""

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st

from consumers.engine.fold import fold
from consumers.engine.identity import persons, resolve
from consumers.engine.state import CompanyState, Employment
from schemas.events import ChangeType, Company, FieldChange, Movement, Person, PersonChange
from tests.support.changes import NOW, deliveries

HOUR: Final = 3_600_000
MEMBER: Final = "https://www.linkedin.com/in/ACoAABcDeFgHiJkLm"
OTHER_MEMBER: Final = "https://www.linkedin.com/in/ACoAAZzZzZzZzZzZz"
JOHN: Final[dict[str, Any]] = {
    "name": "John Smith",
    "linkedin_url": "linkedin.com/in/john-smith",
    "email": "john.smith@gmail.com",
}
"""What makes two ids one person without a member id: a profile, an address of his own, and the name."""


def tells(
    event_id: str,
    person: str,
    movement: Movement = Movement.NONE,
    at: int = 0,
    source: str = "test",
    company: str = "acme",
    **fields: str | None,
) -> PersonChange:
    """A change that says these fields of a person, `at` ms after `NOW`."""
    return PersonChange(
        event_id=event_id,
        source=source,
        type=ChangeType.ROLE_CHANGE,
        occurred_at=NOW + at,
        received_at=NOW + at,
        company=Company(company),
        movement=movement,
        person=Person(person, **fields),
    )


def judges(
    event_id: str, survivor: str, other: str, at: int = 0, merged: bool = True, company: str = "acme"
) -> PersonChange:
    """A change that says that two ids are one person, or two."""
    return PersonChange(
        event_id=event_id,
        source="manual",
        type=ChangeType.MERGED if merged else ChangeType.SPLIT,
        occurred_at=NOW + at,
        received_at=NOW + at,
        company=Company(company),
        person=Person(survivor),
        changes={"id": FieldChange(other, survivor)},
    )


def folded(*changes: PersonChange, before: CompanyState | None = None, step: int = 2 * HOUR) -> CompanyState:
    """The company after these changes, by default each refreshed at once."""
    start = NOW if before is None else NOW + 1000 * HOUR
    return fold(before or CompanyState("acme"), deliveries(list(changes), start, step), 0, HOUR).state


def roster(*changes: PersonChange) -> dict[str, Employment]:
    """Everybody at the company after these changes."""
    return dict(folded(*changes).roster)


_URLS: Final = (MEMBER, OTHER_MEMBER, "linkedin.com/in/john-smith", "linkedin.com/in/j", "urn:li:member:7", "nothing")
_EMAILS: Final = ("john.smith@gmail.com", "j@acme.test", "info@acme.test", "family@web.de", "nothing")
_NAMES: Final = ("John Smith", "Smith, John A.", "Jane Smith")
IDS: Final = ("p1", "p2", "p3", "hr:7")


@st.composite
def _said(draw: st.DrawFn, event_id: str) -> PersonChange:
    at = draw(st.integers(0, 4))
    if draw(st.integers(0, 3)) == 0:
        one, other = draw(st.permutations(IDS))[:2]
        return judges(event_id, one, other, at, merged=draw(st.booleans()))
    return tells(
        event_id,
        draw(st.sampled_from(IDS)),
        draw(st.sampled_from(Movement)),
        at,
        draw(st.sampled_from(["s1", "s2"])),
        name=draw(st.none() | st.sampled_from(_NAMES)),
        email=draw(st.none() | st.sampled_from(_EMAILS)),
        linkedin_url=draw(st.none() | st.sampled_from(_URLS)),
        title=draw(st.none() | st.sampled_from(["CRO", "VP Sales", "Intern"])),
    )


@st.composite
def tales(draw: st.DrawFn, most: int = 14) -> list[PersonChange]:
    """Different changes of a few ids at one company that may or may not be one person."""
    return [draw(_said(f"e{number}")) for number in range(draw(st.integers(1, most)))]


def present(known: Mapping[str, Employment]) -> dict[str, object]:
    """Titles of those who work there, by canonical id."""
    return {i: one.job.values[1] for i, one in persons(known, resolve(known)).items() if one.present}
