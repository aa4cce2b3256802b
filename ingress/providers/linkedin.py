"""LinkedIn's webhooks. None of them announces a change of job: who acts on an organization's page is a hint to look.

What watches LinkedIn for us sends `profile.update` and `job.change` in the original's shape, which are changes.
"""

from typing import Any, Final

from ingress.providers import Found, Skipped
from ingress.providers.fields import JsonObject, as_list, as_object, element, identifier, instant, spelled, text
from ingress.providers.original import read_changes
from schemas.events import ChangeType, FieldChange, InvalidChangeError, Person, PersonChange, canonical_type
from schemas.hints import PersonHint, validate_hint

DEFAULT_SOURCE: Final = "linkedin"
SOCIAL_ACTIONS: Final = "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS"
LEAD_ACTION: Final = "LEAD_ACTION"
MAX_NOTIFICATIONS: Final = 100
"""LinkedIn sends up to 10."""
_CHANGES: Final = frozenset(ChangeType)
_MEMBER: Final = "urn:li:person:"


def read_notification(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Found | Skipped:
    """The hints of a delivery, one a notification that names a member; see `Adapter`."""
    kind = text(element(payload, "body").get("type"), "type")
    if kind is None:
        raise InvalidChangeError("type", "must be given as text")
    if canonical_type(kind) in _CHANGES:
        return read_changes(payload, received_at, source or DEFAULT_SOURCE)
    if kind == LEAD_ACTION:
        return Skipped("a lead names a form's answer, not a person")
    if kind != SOCIAL_ACTIONS:
        return Skipped(f"this type is neither {SOCIAL_ACTIONS} nor {LEAD_ACTION}")
    notifications = as_list(payload.get("notifications"), "notifications", MAX_NOTIFICATIONS)
    read = [_notification(n, f"notifications[{i}]", received_at, source) for i, n in enumerate(notifications)]
    hints = tuple(hint for hint in read if hint is not None)
    return Found(hints=hints) if hints else Skipped("no notification names the member who acted")


def _notification(value: Any, at: str, received_at: int, source: str | None) -> PersonHint | None:
    notification = element(value, at)
    event_id = identifier(notification.get("notificationId"), f"{at}.notificationId")
    actor = _actor(as_object(notification.get("decoratedGeneratedActivity"), f"{at}.decoratedGeneratedActivity"), at)
    if actor is None:
        return None
    member, place = actor
    action = text(notification.get("action"), f"{at}.action")
    hint = PersonHint(
        event_id=event_id,
        source=source or DEFAULT_SOURCE,
        type=ChangeType.REFRESH_REQUESTED,
        occurred_at=instant(notification.get("lastModifiedAt"), f"{at}.lastModifiedAt", received_at),
        received_at=received_at,
        person=Person(member),
        changes={"action": FieldChange(None, action)},
    )
    with spelled({"id": f"{at}.notificationId", "person.id": place, "timestamp": f"{at}.lastModifiedAt"}):
        return validate_hint(hint)


def _actor(activity: JsonObject, at: str) -> tuple[str, str] | None:
    """The member who commented or shared, and where in the payload they stand; pages act as well."""
    for name in ("comment", "share"):
        place = f"{at}.decoratedGeneratedActivity.{name}"
        owner = text(as_object(activity.get(name), place).get("owner"), f"{place}.owner")
        if owner is not None and owner.startswith(_MEMBER):
            return owner, f"{place}.owner"
    return None
