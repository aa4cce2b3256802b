"""Whatever the contract allows, for property tests."""

from hypothesis import strategies as st

from schemas.events import (
    IDENTITY_TYPES,
    MAX_EMPLOYEES,
    MAX_LEAD_MS,
    MAX_TIME_MS,
    ChangeType,
    Company,
    FieldChange,
    Movement,
    Person,
    PersonChange,
)
from schemas.hints import PersonHint

_words = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
_texts = st.none() | _words
_ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(str.strip)
_companies = st.builds(Company, _ids, _texts, _texts, _texts, st.none() | st.integers(0, MAX_EMPLOYEES))
_people = st.builds(Person, _ids, _texts, _texts, _texts, _texts, _texts, _texts, _texts)


@st.composite
def valid_changes(draw: st.DrawFn) -> PersonChange:
    """Any change that the contract lets pass, with anything in each of its fields."""
    received = draw(st.integers(0, MAX_TIME_MS))
    kind = draw(st.sampled_from([*ChangeType, "profile.update", "something.else"]))
    needs_person = kind not in ("something.else", ChangeType.REFRESH_REQUESTED, ChangeType.ROLE_SET)
    person = draw(_people if needs_person else st.none() | _people)
    changes = draw(st.dictionaries(_words, st.builds(FieldChange, _texts, _texts), max_size=4))
    if kind in IDENTITY_TYPES and person:
        changes["id"] = FieldChange(draw(_ids.filter(lambda other: other != person.id)))
    return PersonChange(
        event_id=draw(_ids),
        source=draw(_ids),
        type=str(kind),
        occurred_at=draw(st.integers(0, min(MAX_TIME_MS, received + MAX_LEAD_MS))),
        received_at=received,
        company=draw(_companies),
        movement=draw(st.sampled_from(Movement)),
        person=person,
        other_company=draw(st.none() | _companies),
        changes=changes,
        workspace_id=draw(st.none() | _ids),
        requested_by=draw(_texts),
        role=draw(_texts),
    )


@st.composite
def valid_hints(draw: st.DrawFn) -> PersonHint:
    """Any hint that the contract lets pass."""
    change = draw(valid_changes().filter(lambda change: change.person is not None))
    assert change.person is not None
    return PersonHint(
        event_id=change.event_id,
        source=change.source,
        type=change.type,
        occurred_at=change.occurred_at,
        received_at=change.received_at,
        person=change.person,
        movement=draw(st.sampled_from([Movement.LEFT, Movement.UNSTATED])),
        company_name=draw(_texts),
        company_domain=draw(_texts),
        changes=change.changes,
    )
