"""CoreSignal's arrays of members."""

from typing import Any

import pytest

from ingress.providers.coresignal import SAME_EVENT_MS
from schemas.events import FieldChange, Movement
from tests.support.payloads import (
    CORESIGNAL,
    NOW,
    read,
    refusal,
)


def test_coresignals_members_become_one_hint_each() -> None:
    """It says that somebody changed, not how; ids are text, and the time is that of the receipt."""
    hints = read("coresignal", CORESIGNAL).hints

    assert [hint.person.id for hint in hints] == ["123", "124", "125"]
    assert {(hint.type, hint.occurred_at, hint.movement) for hint in hints} == {
        ("buyer_group.refresh_requested", NOW, Movement.UNSTATED)
    }
    assert hints[2].changes["changed_fields"] == FieldChange(None, '["skills","headline","certifications"]')
    assert hints[1].changes == {"status": FieldChange(None, "stopped_matching_query")}


def test_coresignals_redelivery_is_the_same_event_and_next_weeks_is_another() -> None:
    """Identical bytes recur: within hours they are a redelivery, tomorrow they are news."""

    def ids(payload: Any, received_at: int) -> list[str]:
        return [hint.event_id for hint in read("coresignal", payload, received_at).hints]

    start = NOW - NOW % SAME_EVENT_MS
    first = ids(CORESIGNAL, start)
    assert ids(CORESIGNAL, start + SAME_EVENT_MS - 1) == first
    assert set(ids(CORESIGNAL, start + 24 * 3600 * 1000)).isdisjoint(first)
    assert set(ids(CORESIGNAL[:2], start)).isdisjoint(first), "another delivery is another event"
    assert len(set(first)) == 3
    assert len(ids([CORESIGNAL[0]] * 2, start)) == 1, "the same element twice says it once"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "body"),
        ([3], "[0]"),
        ([{"status": "changed"}], "[0].member_id"),
        ([CORESIGNAL[0], {"member_id": 1}], "[1].status"),
        ([{"member_id": 1, "status": "changed", "changed_fields": "skills"}], "[0].changed_fields"),
        ([{"member_id": 1, "status": "changed", "changed_fields": ["x" * 5000]}], "[0].changed_fields"),
    ],
)
def test_what_is_wrong_with_a_member_is_named_by_its_place(payload: Any, field: str) -> None:
    """In CoreSignal's words."""
    assert refusal("coresignal", payload) == field
