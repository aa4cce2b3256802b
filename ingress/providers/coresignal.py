"""CoreSignal's webhooks: an array that says whose profile changed, not how, with neither ids nor times of events.

Each element is a reason to look at the companies of the person again.
"""

from typing import Any, Final

from ingress.providers import Found
from ingress.providers.fields import JsonObject, as_list, derived_id, element, field_changes, identifier, spelled, text
from schemas.events import ChangeType, InvalidChangeError, Person
from schemas.hints import PersonHint, validate_hint

DEFAULT_SOURCE: Final = "coresignal"
MAX_MEMBERS: Final = 10_000
SAME_EVENT_MS: Final = 6 * 3600 * 1000
"""Within so much time the same content is a redelivery. CoreSignal tells once a day at most, and what it tells tomorrow
in the same words is another event."""


def read_members(payload: Any, received_at: int, source: str | None) -> Found:
    """The hints of an array of members, one a member; see `Adapter`."""
    members = as_list(payload, "body", MAX_MEMBERS)
    delivery = derived_id(payload, received_at // SAME_EVENT_MS)
    hints = [
        _member(element(member, f"[{i}]"), f"[{i}]", delivery, received_at, source) for i, member in enumerate(members)
    ]
    return Found(hints=tuple({hint.event_id: hint for hint in hints}.values()))


def _member(member: JsonObject, at: str, delivery: str, received_at: int, source: str | None) -> PersonHint:
    hint = PersonHint(
        event_id=derived_id(member, delivery),
        source=source or DEFAULT_SOURCE,
        type=ChangeType.REFRESH_REQUESTED,
        occurred_at=received_at,
        received_at=received_at,
        person=Person(identifier(member.get("member_id"), f"{at}.member_id")),
        changes=field_changes({name: member[name] for name in _said(member, at)}, at),
    )
    with spelled({"person.id": f"{at}.member_id", "changes.changed_fields.new": f"{at}.changed_fields"}):
        return validate_hint(hint)


def _said(member: JsonObject, at: str) -> list[str]:
    """Which fields say what happened."""
    if text(member.get("status"), f"{at}.status") is None:
        raise InvalidChangeError(f"{at}.status", "must be given as text")
    fields = member.get("changed_fields")
    if fields is not None and not isinstance(fields, list):
        raise InvalidChangeError(f"{at}.changed_fields", "must be an array or null")
    return ["status", "changed_fields"] if fields else ["status"]
