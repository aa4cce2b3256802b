"""The quick way to read the original's payload makes of it what the careful way makes, or leaves it to that."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.providers import Found, Skipped, original
from ingress.providers.plain import PLAIN_TYPES, plain_change
from schemas.events import (
    MAX_CHANGED_FIELDS,
    MAX_EMPLOYEES,
    MAX_ID_BYTES,
    MAX_LEAD_MS,
    MAX_TEXT_BYTES,
    InvalidChangeError,
    PersonChange,
)

NOW = 1_760_097_601_000
_WHOLE: dict[str, Any] = {
    "id": "evt_1",
    "source": "test",
    "type": "person.role_change",
    "timestamp": "2025-10-10T12:00:00Z",
    "person": {"id": "person_1", "name": "John Doe", "email": "j@d.test", "oldTitle": "VP Sales", "newTitle": "CRO"},
    "company": {"id": "company_1", "name": "Test Company", "domain": "c.test", "employeeCount": 10},
    "changes": {"title": {"old": "VP Sales", "new": "CRO"}},
}
_TEXTS = (
    *("", " ", "a", " a", "a ", "a  b", "a\tb", "\t", "\n", "é", "\xa0", "\u2003", "\x00", "\ud800", "0"),
    *("x" * size for size in (MAX_ID_BYTES - 40, MAX_ID_BYTES, MAX_ID_BYTES + 1, MAX_TEXT_BYTES, MAX_TEXT_BYTES + 1)),
    *("é" * (size // 2 + 1) for size in (MAX_ID_BYTES, MAX_TEXT_BYTES)),
    *("2025-10-10T12:00:00+02:00", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "yesterday"),
)
_NUMBERS = (0, 1, -1, MAX_EMPLOYEES, MAX_EMPLOYEES + 1, NOW, NOW + MAX_LEAD_MS, NOW + MAX_LEAD_MS + 1, 0.5, True, False)
_ODD = (None, *_NUMBERS, *_TEXTS, [], ["a"], {}, {"id": "a"})
_PLACES = (
    *("id", "source", "timestamp", "person", "company", "changes", "changes.title", "changes.x"),
    *("company.id", "company.name", "company.domain", "company.industry", "company.employeeCount", "company.x"),
    *("person.id", "person.name", "person.email", "person.linkedinUrl", "person.newTitle", "person.oldTitle"),
    *("person.title", "person.department", "person.seniority", "person.country", "person.oldCompany", "person.x"),
    *("changes.title.old", "changes.title.new", "changes.country", "changes.country.old", "changes.country.new"),
)
_FIELDS = st.sampled_from(
    ["name", "email", "linkedinUrl", "newTitle", "oldTitle", "title", "department", "seniority", "country", "x", ""]
)
_ANY = st.sampled_from(_ODD)
_CHANGE = st.fixed_dictionaries({}, optional={"old": _ANY, "new": _ANY | st.just("new")}) | _ANY


@st.composite
def _payloads(draw: st.DrawFn) -> dict[str, Any]:
    """A plain payload, of which some values are left out, others added, and others odd."""
    payload: dict[str, Any] = {**json.loads(json.dumps(_WHOLE)), "type": draw(st.sampled_from(sorted(PLAIN_TYPES)))}
    payload["person"].update(draw(st.dictionaries(_FIELDS, st.just("said") | _ANY, max_size=2)))
    payload["changes"] = draw(st.dictionaries(_FIELDS, _CHANGE, max_size=3))
    for _ in range(draw(st.integers(0, 2))):
        holder = payload[draw(st.sampled_from(["person", "company"]))] if draw(st.booleans()) else payload
        name = draw(st.sampled_from([name for name in sorted(holder) if name not in {"type", "person", "company"}]))
        if draw(st.booleans()):
            del holder[name]
        else:
            holder[name] = draw(_ANY)
    return payload


def _carefully(payload: Any, source: str | None) -> list[PersonChange] | Found | Skipped | str:
    with patch.object(original, "PLAIN_TYPES", frozenset()):
        return _said(payload, source)


def _said(payload: Any, source: str | None) -> list[PersonChange] | Found | Skipped | str:
    try:
        return original.read_changes(payload, NOW, source)
    except InvalidChangeError as error:
        return str(error)


@pytest.mark.parametrize("place", _PLACES)
@pytest.mark.parametrize("source", [None, "given", "x" * MAX_ID_BYTES])
def test_one_odd_value_anywhere_is_read_alike(place: str, source: str | None) -> None:
    """Every place with every kind of odd value, and left out."""
    *path, name = place.split(".")
    for odd in (..., *_ODD):
        payload: Any = json.loads(json.dumps(_WHOLE))
        holder = payload
        for step in path:
            holder = holder.setdefault(step, {})
        holder.pop(name, None) if odd is ... else holder.__setitem__(name, odd)
        assert _said(payload, source) == _carefully(payload, source), odd


@settings(max_examples=500)
@given(_payloads(), st.none() | st.sampled_from(["given", "x" * MAX_ID_BYTES]))
def test_both_ways_lead_to_the_same_change_or_the_same_refusal(payload: dict[str, Any], source: str | None) -> None:
    """Values, defaults, limits, and which of several faults is named."""
    assert _said(payload, source) == _carefully(payload, source)


@pytest.mark.parametrize("left_out", [None, "source", "timestamp", "changes"])
def test_the_usual_payload_takes_the_quick_way(left_out: str | None) -> None:
    """Else it would save nothing."""
    payload = {name: value for name, value in _WHOLE.items() if name != left_out}

    assert [plain_change(payload, "person.role_change", NOW, None)] == _carefully(payload, None)


@pytest.mark.parametrize("more", [0, 1])
def test_the_limit_of_fields_counts_a_title_that_only_the_person_has(more: int) -> None:
    """One more is refused by the careful way."""
    changes = {f"f{number}": {"new": "x"} for number in range(MAX_CHANGED_FIELDS - 1 + more)}
    payload = {**_WHOLE, "changes": changes}

    assert (plain_change(payload, "person.role_change", NOW, None) is None) == bool(more)
    assert _said(payload, None) == _carefully(payload, None)
    assert isinstance(_said(payload, None), str) == bool(more)
