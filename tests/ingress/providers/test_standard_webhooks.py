"""The envelope of Standard Webhooks, opt-outs in the original's shape, and the registry of adapters."""

from typing import Any

import pytest

from ingress.providers import Found
from ingress.providers.registry import ADAPTERS
from schemas.events import Movement, Person
from schemas.hints import PersonHint
from tests.support.payloads import (
    NOW,
    envelope,
    read,
    refusal,
)


def test_an_envelope_holds_a_change_in_the_originals_words() -> None:
    """Type and time are the envelope's; without an id of its own it gets one from all that it says."""
    payload = envelope(person={"id": 1, "newTitle": "CRO"}, company={"id": 2})
    (change,), (again,) = (
        read("standard-webhooks", payload).changes,
        read("standard-webhooks", payload, NOW + 9).changes,
    )
    (later,) = read("standard-webhooks", {**payload, "timestamp": "2026-01-14T16:16:35.842Z"}).changes

    assert (change.type, change.company.id, change.person) == ("person.role_change", "2", Person("1", title="CRO"))
    assert change.occurred_at == 1_768_407_395_841
    assert again.event_id == change.event_id != later.event_id
    assert read("standard-webhooks", {**payload, "id": "msg_1"}).changes[0].event_id == "msg_1"


@pytest.mark.parametrize("kind", ["person.role_change", "person.promotion", "person.opted_out"])
def test_a_thin_envelope_is_a_hint(kind: str) -> None:
    """A person without a company."""
    (hint,) = read("standard-webhooks", {**envelope(person=7), "type": kind}).hints

    assert (hint.type, hint.person, hint.movement) == (kind, Person("7"), Movement.UNSTATED)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({"type": "person.promotion", "data": 1}, "data"),
        ({"data": {}}, "type"),
        ({**envelope(person=1), "timestamp": "x"}, "timestamp"),
        ({**envelope(person=1), "id": []}, "id"),
        (envelope(), "data.person.id"),
        (envelope(person=1, company={"name": "x"}), "data.company.id"),
        ({**envelope(person=1), "type": "person.company_change"}, "data.company.id"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_named_by_its_path(payload: Any, field: str) -> None:
    """Inside and outside of `data`."""
    assert refusal("standard-webhooks", payload) == field


def test_an_opt_out_in_the_originals_shape_reaches_every_company() -> None:
    """It names a person: by a hint wherever they are known, and at once at the company that is named, if one is."""
    payload = {"id": "e", "type": "person.opted_out", "person": {"id": "p", "name": "Ann"}}
    hint = PersonHint("e", "generic", "person.opted_out", NOW, NOW, Person("p"))

    assert read("original", payload) == Found(hints=(hint,))
    found = read("original", {**payload, "company": "c"})
    assert found.hints == (hint,)
    assert [(c.company.id, c.event_id, c.person, c.changes) for c in found.changes] == [("c", "e", Person("p"), {})]


def test_the_registry_names_all_adapters() -> None:
    """A configuration can choose each of them."""
    assert list(ADAPTERS) == ["original", "standard-webhooks", "lusha", "hubspot", "coresignal", "linkedin"]
