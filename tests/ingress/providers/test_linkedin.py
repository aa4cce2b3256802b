"""LinkedIn's families."""

from typing import Any

import pytest

from ingress.providers import Skipped
from ingress.providers.registry import ADAPTERS
from schemas.events import Person
from tests.support.payloads import (
    LEAD,
    LINKEDIN,
    NOW,
    read,
    refusal,
)


def test_linkedins_social_actions_are_hints_about_who_acted() -> None:
    """The notification's id is the event's; a like names nobody."""
    (hint,) = read("linkedin", LINKEDIN).hints

    assert (hint.event_id, hint.person) == ("5603453321", Person("urn:li:person:zLqTygBP8S"))
    assert (hint.type, hint.occurred_at) == ("buyer_group.refresh_requested", 1_767_000_000_000)


@pytest.mark.parametrize(
    "payload", [LEAD, {"type": "SOMETHING_ELSE"}, {**LINKEDIN, "notifications": [{"notificationId": 1}]}]
)
def test_linkedins_families_without_a_person_are_skipped(payload: Any) -> None:
    """Nothing is wrong with them, so LinkedIn must not send them again."""
    assert isinstance(ADAPTERS["linkedin"](payload, NOW, None), Skipped)


def test_linkedins_names_of_the_original_are_changes() -> None:
    """What watches LinkedIn for us sends the original's shape."""
    payload = {"id": 1, "type": "profile.update", "person": {"id": 2, "newTitle": "CRO"}, "company": {"id": 3}}
    (change,) = read("linkedin", payload).changes

    assert (change.source, change.company.id, change.type) == ("linkedin", "3", "person.role_change")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({"type": 1}, "type"),
        ({**LINKEDIN, "notifications": {}}, "notifications"),
        ({**LINKEDIN, "notifications": [{"notificationId": 1}, {}]}, "notifications[1].notificationId"),
        (
            {**LINKEDIN, "notifications": [{**LINKEDIN["notifications"][0], "lastModifiedAt": 3}]},  # type: ignore[dict-item]
            "notifications[0].lastModifiedAt",
        ),
        (
            {
                **LINKEDIN,
                "notifications": [
                    {
                        "notificationId": 1,
                        "decoratedGeneratedActivity": {"comment": {"owner": f"urn:li:person:{'x' * 300}"}},
                    }
                ],
            },
            "notifications[0].decoratedGeneratedActivity.comment.owner",
        ),
    ],
)
def test_what_is_wrong_with_a_notification_is_named_by_its_place(payload: Any, field: str) -> None:
    """In LinkedIn's words."""
    assert refusal("linkedin", payload) == field
