"""No input becomes a 500 (law L9): an authentic sender learns what is wrong, whatever they send."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress.body import parse_json
from ingress.problems import Problem
from ingress.providers import Found, Skipped
from ingress.providers.original import TAKEN, read_changes
from local.welcome import EXAMPLE
from schemas.codec import decode_change, encode_change
from schemas.events import IDENTITY_TYPES, ChangeType, InvalidChangeError, PersonChange, canonical_type
from schemas.hints import decode_hint, encode_hint
from schemas.topics import change_headers, company_key

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

NOW = 1_760_097_601_000
ANSWERS = frozenset({200, 202, 400, 413, 415, 422})
UNSTORED = 503
"""What 202 is without a broker."""

_TEXT = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "x" * 300,
        "é" * 2500,
        "2025-10-10T12:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "\x85",
        "1e5",
    ]
)
_NUMBERS = st.integers() | st.floats() | st.sampled_from([10**30, -(10**30), 10**4299, 2**63, 1e308, NOW, True])
_ANY = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_WHOLE = {
    "id": "e",
    "source": "s",
    "timestamp": "2025-10-10T12:00:00Z",
    "person": {
        "id": "p",
        **dict.fromkeys(("name", "email", "linkedinUrl", "department", "seniority", "country"), "a"),
        "oldTitle": "VP",
        "newTitle": "CRO",
        "title": "CRO",
        "oldCompany": {"id": "old", "name": "Old", "domain": "old.test", "employeeCount": 2},
        "newCompany": {"id": "new", "industry": "Software"},
    },
    "company": {"id": "c", "name": "C", "domain": "c.test", "industry": "Software", "employeeCount": 1},
    "changes": {
        "id": {"old": "q", "new": "p"},
        "title": {"old": "VP", "new": "CRO"},
        "company": {"old": {"id": "x"}, "new": "y"},
        "z": 1,
    },
}


@st.composite
def _bent(draw: st.DrawFn) -> dict[str, Any]:
    """A payload that says all it can, with a few values replaced."""
    payload: dict[str, Any] = {**json.loads(json.dumps(_WHOLE)), "type": draw(st.sampled_from(sorted(TAKEN)))}
    for _ in range(draw(st.integers(0, 3))):
        holder = payload
        name = draw(st.sampled_from(sorted(holder)))
        while isinstance(holder[name], dict) and holder[name] and draw(st.booleans()):
            holder = holder[name]
            name = draw(st.sampled_from(sorted(holder)))
        holder[name] = draw(_ANY)
    return payload


_VALUES = _bent() | _ANY
_HTTP = settings(max_examples=60)
_ODD_BODIES = [
    b"",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b'"\xed\xa0\x80"',
    b"NaN",
    b'{"id":-Infinity}',
    b'{"id":1e999,"type":"person.promotion"}',
    b'{"id":' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"id":"\\ud800","type":"person.promotion","person":"p","company":"c"}',
    b'{"id":"e","id":2,"type":"person.promotion","type":3}',
    b'{"type":"\\u0000\\ud800"}',
    '{"id":"e"}'.encode("utf-16"),
    '{"id":"e"}'.encode("utf-32"),
]


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """The original's example with a few bytes replaced, left out or added."""
    body = bytearray(EXAMPLE.encode())
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(body) - 1))
        body[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


def _check(body: bytes, ingress: "Ingress") -> None:
    answer = ingress.post_bytes(body)

    assert answer.status_code in ANSWERS | {UNSTORED}, answer.text
    document = json.loads(answer.content)
    if answer.status_code == UNSTORED:
        assert document["type"].endswith(":not-acknowledged")
    elif answer.status_code != 200:
        assert document["status"] == answer.status_code
        assert document["detail"]


@settings(max_examples=500)
@given(_VALUES)
def test_any_json_is_records_or_a_reason(payload: Any) -> None:
    """Any value makes valid changes that survive the way through the log, is skipped, or is refused by field."""
    found = _outcome(payload)
    if isinstance(found, InvalidChangeError):
        assert found.field
        assert found.reason
    elif isinstance(found, Skipped):
        assert payload["type"] not in TAKEN
    elif isinstance(found, Found):
        assert canonical_type(payload["type"]) in {ChangeType.OPTED_OUT, *IDENTITY_TYPES}
        assert all(decode_change(encode_change(change)) == change for change in found.changes)
        assert [decode_hint(encode_hint(hint)) for hint in found.hints] == [*found.hints]
    else:
        assert len({change.company.id for change in found}) == len(found) in {1, 2}
        for change in found:
            assert decode_change(encode_change(change)) == change
            assert company_key(change.company.id).decode() == change.company.id
            assert change_headers(change)


def _outcome(payload: Any) -> list[PersonChange] | Found | Skipped | InvalidChangeError:
    try:
        return read_changes(json.loads(json.dumps(payload)), NOW, None)
    except InvalidChangeError as error:
        return error


@settings(max_examples=500)
@given(st.binary(max_size=40) | _mutated())
def test_any_bytes_are_json_or_a_problem(body: bytes) -> None:
    """What cannot be parsed is a 400 of its own, nothing else, and what can is what the standard library reads."""
    try:
        parsed = parse_json(body)
    except Problem as problem:
        parsed = problem.status

    assert parsed == 400 or parsed == json.loads(body)


@_HTTP
@given(payload=_VALUES)
def test_any_json_is_answered(offline: "Ingress", payload: Any) -> None:
    """Through the whole application, with a signature."""
    _check(json.dumps(payload).encode(), offline)


@_HTTP
@given(body=_mutated())
def test_a_damaged_example_is_answered(offline: "Ingress", body: bytes) -> None:
    """A few bytes of a good body changed: 2xx, 400 or 422."""
    _check(body, offline)


@pytest.mark.parametrize("body", _ODD_BODIES, ids=range(len(_ODD_BODIES)))
def test_odd_bodies_are_answered(offline: "Ingress", body: bytes) -> None:
    """The traps of JSON: encodings, surrogates, numbers that are none or too long, depth, repeated names."""
    _check(body, offline)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"[-Infinity]", b"{'id':1}", b'{"id":1,}', b"{} {}", b'"\x00"', b'"\xff"', b"[" * 100_000],
)
def test_what_is_no_json_is_400(offline: "Ingress", body: bytes) -> None:
    """By the letter of RFC 8259, which has no NaN; the detail says what is wrong."""
    answer = offline.post_bytes(body)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":malformed")
    assert answer.json()["detail"]


def test_no_depth_is_too_deep_for_an_answer(offline: "Ingress") -> None:
    """Between what can be read and what can be written out again there is no gap."""
    head = b'{"id":"e","type":"person.promotion","changes":{"x":'

    for depth in range(600, 1000, 2):
        _check(head + b"[" * depth + b"]" * depth + b"}}", offline)
