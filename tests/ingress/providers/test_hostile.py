"""Whatever JSON an authentic sender sends: changes, hints, a reason to skip, or the field that is wrong."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.providers import Found, Skipped
from ingress.providers.registry import ADAPTERS
from schemas.codec import decode_change, encode_change
from schemas.events import InvalidChangeError
from schemas.hints import decode_hint, encode_hint
from schemas.topics import change_headers, hint_key
from tests.support.payloads import CORESIGNAL, LEAD, LINKEDIN, LUSHA, LUSHA_OPT_OUT, NOW, envelope, hubspot

_TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    ["", " ", "\x00", "\ud800", "x" * 300, "é" * 2500, "2025-10-10T12:00:00Z", "0001-01-01T00:00:00+23:59", "1e5"]
)
_NUMBERS = st.integers() | st.floats() | st.sampled_from([10**30, -(10**30), 10**4299, 2**63, 1e308, NOW, True])
_ANY = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_WHOLE: dict[str, list[Any]] = {
    "original": [{"id": "e", "type": "person.opted_out", "person": {"id": "p"}}],
    "standard-webhooks": [envelope(person={"id": "p", "title": "CRO"}, company={"id": "c"}), envelope(person=1)],
    "lusha": [LUSHA, {**LUSHA, "type": "companyChange"}, LUSHA_OPT_OUT],
    "hubspot": [[hubspot(), hubspot(propertyName="company")], [hubspot(subscriptionType="contact.privacyDeletion")]],
    "coresignal": [CORESIGNAL],
    "linkedin": [LINKEDIN, LEAD],
}


def _bend(draw: st.DrawFn, value: Any) -> Any:
    """A value somewhere inside replaced by another one, or taken away."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or draw(st.integers(0, 4)) == 0:
        return draw(_ANY)
    key = draw(st.sampled_from(keys))
    if draw(st.integers(0, 9)) == 0:
        del value[key]
    else:
        value[key] = _bend(draw, value[key])
    return value


@st.composite
def _payloads(draw: st.DrawFn, adapter: str) -> Any:
    payload = copy.deepcopy(draw(st.sampled_from(_WHOLE[adapter])))
    for _ in range(draw(st.integers(0, 3))):
        payload = _bend(draw, payload)
    return payload


@pytest.mark.parametrize("adapter", ADAPTERS)
@settings(max_examples=300)
@given(data=st.data())
def test_any_json_is_records_or_a_reason(adapter: str, data: st.DataObject) -> None:
    """What is found is valid, survives the way through the log, and is never nothing."""
    payload = json.loads(json.dumps(data.draw(_payloads(adapter) | _ANY)))
    found = _outcome(adapter, payload)
    if isinstance(found, InvalidChangeError):
        assert found.field
    if not isinstance(found, Found):
        assert found.reason
        return
    assert found.changes or found.hints
    for change in found.changes:
        assert decode_change(encode_change(change)) == change
        assert change_headers(change)
    for hint in found.hints:
        assert decode_hint(encode_hint(hint)) == hint
        assert change_headers(hint)
        assert hint_key(hint.source, hint.person.id)


def _outcome(adapter: str, payload: Any) -> Found | Skipped | InvalidChangeError:
    try:
        found = ADAPTERS[adapter](payload, NOW, "source")
    except InvalidChangeError as error:
        return error
    return Found(tuple(found)) if isinstance(found, list) else found


@pytest.mark.parametrize(("adapter", "payload"), [(name, payload) for name, all_ in _WHOLE.items() for payload in all_])
def test_what_was_bent_was_whole(adapter: str, payload: Any) -> None:
    """The payloads above are good ones, so that what is bent gets far."""
    assert isinstance(ADAPTERS[adapter](payload, NOW, "source"), list | Found | Skipped)
