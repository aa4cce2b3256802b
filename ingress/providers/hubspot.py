"""HubSpot's webhooks: an array of events about contacts, each with the new value of one property.

They name no company but HubSpot's own, and none at all where a title changes: all become hints.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ingress.providers import Found, Skipped
from ingress.providers.fields import JsonObject, as_list, element, identifier, instant, spelled, text
from schemas.events import ChangeType, FieldChange, Person
from schemas.hints import PersonHint, validate_hint

DEFAULT_SOURCE: Final = "hubspot"
MAX_EVENTS: Final = 1000
"""HubSpot sends up to 100."""
VALUES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jobtitle": "title",
        "email": "email",
        "country": "country",
        "hs_linkedin_url": "linkedin_url",
        "seniority": "seniority",
        "hs_seniority": "seniority",
        "department": "department",
    }
)
"""Properties whose value is a field of a person on our rosters."""
MOVES: Final = frozenset({"company", "associatedcompanyid"})
"""Properties that tell of a move, in words or ids of HubSpot's: a reason to look at the person again."""


def read_events(payload: Any, received_at: int, source: str | None) -> Found | Skipped:
    """The hints of an array of events; see `Adapter`."""
    events = as_list(payload, "body", MAX_EVENTS)
    read = [_event(element(event, f"[{i}]"), f"[{i}]", received_at, source) for i, event in enumerate(events)]
    hints = tuple(hint for hint in read if hint is not None)
    return Found(hints=hints) if hints else Skipped("no event is about what a buyer group is made of")


def _event(event: JsonObject, at: str, received_at: int, source: str | None) -> PersonHint | None:
    kind, name = text(event.get("subscriptionType"), f"{at}.subscriptionType"), event.get("propertyName")
    contact = identifier(event.get("objectId"), f"{at}.objectId")
    if kind == "contact.privacyDeletion":
        said: tuple[str, Person, dict[str, FieldChange]] | None = (ChangeType.OPTED_OUT, Person(contact), {})
    elif kind == "contact.propertyChange":
        said = _property(contact, text(name, f"{at}.propertyName"), event.get("propertyValue"), f"{at}.propertyValue")
    else:
        said = None
    if said is None:
        return None
    hint = PersonHint(
        event_id=_event_id(event, at, contact),
        source=source or DEFAULT_SOURCE,
        type=said[0],
        occurred_at=instant(event.get("occurredAt"), f"{at}.occurredAt", received_at),
        received_at=received_at,
        person=said[1],
        changes=said[2],
    )
    with spelled({"id": f"{at}.eventId", "person.id": f"{at}.objectId", "timestamp": f"{at}.occurredAt"}):
        return validate_hint(hint)


def _property(
    contact: str, name: str | None, value: Any, field: str
) -> tuple[str, Person, dict[str, FieldChange]] | None:
    """Type, person and changes; None when the property says nothing about a buyer group, or was emptied."""
    if (ours := VALUES.get(name or "")) and (new := text(value, field)) is not None:
        kind = ChangeType.DEPARTMENT_CHANGE if ours == "department" else ChangeType.ROLE_CHANGE
        return kind, Person(contact, **{ours: new}), {ours: FieldChange(None, new)}
    if name in MOVES:
        new = text(value if isinstance(value, str) or value is None else identifier(value, field), field)
        return ChangeType.REFRESH_REQUESTED, Person(contact), {"company": FieldChange(None, new)}
    return None


def _event_id(event: JsonObject, at: str, contact: str) -> str:
    """HubSpot does not promise that `eventId` is unique: with contact, time and property it is."""
    parts = [identifier(event.get("eventId"), f"{at}.eventId"), contact]
    parts += [identifier(event[n], f"{at}.{n}") for n in ("occurredAt", "propertyName") if event.get(n) is not None]
    return ":".join(parts)
