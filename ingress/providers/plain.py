"""The original's payload as most are, read at less than half the cost: nothing of it needs a closer look.

It names a person and a company by objects, all its ids together are no longer than one may be, and so are its texts;
they are printable ASCII, and none is blank. Such a payload breaks no limit, and its texts need not be looked at one by
one. `ingress.providers.original` reads all others, and says what is wrong with them.
"""

from collections.abc import Iterable
from typing import Any, Final

from ingress.providers.fields import JsonObject, instant
from schemas.events import (
    MAX_CHANGED_FIELDS,
    MAX_EMPLOYEES,
    MAX_ID_BYTES,
    MAX_TEXT_BYTES,
    PERSON_TYPES,
    ChangeType,
    Company,
    FieldChange,
    Movement,
    Person,
    PersonChange,
    check_times,
)

PLAIN_TYPES: Final = PERSON_TYPES - {ChangeType.COMPANY_CHANGE}
"""The types whose payload says no more than what was and is at one company."""
DEFAULT_SOURCE: Final = "generic"
_PERSON: Final = (
    *("name", "email", "linkedinUrl", "newTitle", "title", "department", "seniority", "country", "oldTitle"),
)
_COMPANY: Final = ("name", "domain", "industry")


def plain_change(payload: JsonObject, kind: str, received_at: int, given: str | None) -> PersonChange | None:
    """The change of a plain payload; None: it is none, or no payload at all.

    Args:
        payload: a JSON object.
        kind: its canonical type, one of `PLAIN_TYPES`.
        received_at: ms UTC.
        given: the configured source's name; None takes the payload's own.

    Raises:
        InvalidChangeError: all is plain but its time.
    """
    person, company, said = payload.get("person"), payload.get("company"), payload.get("changes", {})
    if type(person) is not dict or type(company) is not dict or type(said) is not dict:
        return None
    ids: Any = (
        payload.get("id"),
        given or payload.get("source", DEFAULT_SOURCE),
        kind,
        company.get("id"),
        person.get("id"),
    )
    about, where = tuple(map(person.get, _PERSON)), tuple(map(company.get, _COMPANY))
    texts, changes, new = [*ids, *about, *where], {}, {}
    for field, change in said.items():
        if type(change) is not dict:
            return None
        old, new[field] = change.get("old"), change.get("new")
        changes[field] = FieldChange(old, new[field])
        texts += (field, old, new[field])
    employees = company.get("employeeCount")
    if None in ids or not (_are_plain(texts, ids) and _is_plain_count(employees)):
        return None
    name, email, linkedin_url, new_title, title, department, seniority, country, old_title = about
    at, domain, industry = where
    if (old_title or new_title) and "title" not in changes:
        changes["title"] = FieldChange(old_title, new_title)
    if len(changes) > MAX_CHANGED_FIELDS:
        return None
    also = new.get  # what only `changes` says of the person counts too
    event_id, source, _, company_id, person_id = ids
    change = PersonChange(
        event_id,
        source,
        kind,
        instant(payload.get("timestamp"), "timestamp", received_at),
        received_at,
        Company(company_id, at, domain, industry, employees),
        Movement.NONE,
        Person(
            person_id,
            name or also("name"),
            email or also("email"),
            linkedin_url or also("linkedinUrl"),
            new_title or title or also("title"),
            department or also("department"),
            seniority or also("seniority"),
            country or also("country"),
        ),
        None,
        changes,
    )
    check_times(change)
    return change


def _are_plain(texts: Iterable[Any], ids: Iterable[Any]) -> bool:
    """Whether all are texts or None, none is blank, and nothing of them is beyond a limit.

    Args:
        texts: the ids and all others.
        ids: their own limit is lower.
    """
    try:
        joined = " ".join([text for text in texts if text is not None])
    except TypeError:
        return False
    return (
        joined.isascii()
        and joined.isprintable()
        and "  " not in f" {joined} "  # else one is blank, or it might be: printable ASCII has no other space
        and (len(joined) <= MAX_ID_BYTES or (len(joined) <= MAX_TEXT_BYTES and max(map(len, ids)) <= MAX_ID_BYTES))
    )


def _is_plain_count(employees: Any) -> bool:
    return employees is None or (type(employees) is int and 0 <= employees <= MAX_EMPLOYEES)
