"""HubSpot's arrays of events."""

from typing import Any

import pytest

from schemas.events import FieldChange, Movement, Person
from tests.support.payloads import (
    NOW,
    hubspot,
    read,
    refusal,
)


def test_hubspots_changes_become_one_hint_an_event() -> None:
    """A title is a value, a company a reason to look, a privacy deletion an opt-out; the rest says nothing."""
    found = read(
        "hubspot",
        [
            hubspot(),
            hubspot(eventId=101, propertyName="company", propertyValue="Acme"),
            hubspot(eventId=102, propertyName="lifecyclestage", propertyValue="lead"),
            hubspot(eventId=103, subscriptionType="contact.privacyDeletion", propertyName=None, propertyValue=None),
            hubspot(eventId=104, subscriptionType="contact.creation"),
            hubspot(eventId=105, propertyValue=""),
        ],
    )

    assert found.changes == ()
    assert [(hint.type, hint.person) for hint in found.hints] == [
        ("person.role_change", Person("123", title="VP Sales")),
        ("buyer_group.refresh_requested", Person("123")),
        ("person.opted_out", Person("123")),
    ]
    assert found.hints[0].changes == {"title": FieldChange(None, "VP Sales")}
    assert {hint.movement for hint in found.hints} == {Movement.UNSTATED}
    assert {hint.occurred_at for hint in found.hints} == {1_768_000_000_000}


def test_hubspots_event_ids_are_made_unique() -> None:
    """HubSpot does not promise it: contact, time and property tell two apart, an attempt does not."""
    first, other_contact, other_property, later, again = read(
        "hubspot",
        [
            hubspot(),
            hubspot(objectId=124),
            hubspot(propertyName="email", propertyValue="a@b.c"),
            hubspot(occurredAt=1_768_000_000_001),
            hubspot(attemptNumber=1),
        ],
    ).hints

    assert len({hint.event_id for hint in (first, other_contact, other_property, later)}) == 4
    assert again == first
    assert first.event_id.startswith("100:")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "body"),
        ([], "body"),
        ([hubspot(), 1], "[1]"),
        ([*[hubspot()] * 3, hubspot(objectId=None)], "[3].objectId"),
        ([hubspot(objectId=" ")], "[0].objectId"),
        ([hubspot(eventId=None)], "[0].eventId"),
        ([hubspot(eventId="e" * 300)], "[0].eventId"),
        ([hubspot(occurredAt="soon")], "[0].occurredAt"),
        ([hubspot(occurredAt=NOW * 2)], "[0].occurredAt"),
        ([hubspot(propertyValue=[])], "[0].propertyValue"),
        ([hubspot(propertyName="company", propertyValue={})], "[0].propertyValue"),
    ],
)
def test_what_is_wrong_with_an_event_is_named_by_its_place(payload: Any, field: str) -> None:
    """One of a hundred: which, and which field."""
    assert refusal("hubspot", payload) == field
