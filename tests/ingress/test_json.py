"""The quick parser is only believed where it takes a text: then the standard library takes it, as the same value."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from ingress.body import MAX_DEPTH, parse_json, read_closely
from ingress.problems import Problem

_NUMBERS = st.one_of(
    st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{0,4})?", fullmatch=True),
    st.integers().map(str),
    st.integers(4_290, 4_310).map(lambda digits: "7" * digits),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["-0", "-0.0", "1e400", "-1e400", "1e-400", "5e-324", "NaN", "-Infinity", "+1", "01", "1.", ".5"]),
)
_ESCAPES = st.sampled_from(["\\u0000", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\\/", "\\b", "\\a", "\\u00", "\\uD8x"])
_CHARACTERS = st.characters(exclude_categories=()) | st.sampled_from(["\x00", "\x1f", "\x7f", "\ud800", "\ufeff", '"'])
_STRINGS = st.lists(_CHARACTERS | _ESCAPES, max_size=6).map(lambda parts: f'"{"".join(parts)}"')
_SPACE = st.text(" \t\r\n", max_size=2) | st.sampled_from(["\x0c", "\xa0", "\v", "/**/", "\x00"])
_WORDS = st.sampled_from(["true", "false", "null", "True", "nul", "", "undefined"])
_LEAVES = _NUMBERS | _STRINGS | _WORDS
_KEYS = _STRINGS | st.sampled_from(['"a"', '"a"', '"b"', "a", "1"])


def _array(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda inner, end: f"[{','.join(inner)}{end}]", st.lists(items, max_size=4), _ends())


def _object(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.builds("{}{}:{}{}".format, _SPACE, _KEYS, _SPACE, items), max_size=4)
    return st.builds(lambda inner, end: f"{{{','.join(inner)}{end}}}", members, _ends())


def _ends() -> st.SearchStrategy[str]:
    return st.sampled_from(["", "", "", ","])


_VALUES = st.recursive(_LEAVES, lambda items: _array(items) | _object(items), max_leaves=8)
_TEXTS = st.builds("{}{}{}".format, _SPACE, _VALUES, _SPACE)
_CODES = st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
_BODIES = st.builds(lambda text, code: text.encode(code, "surrogatepass"), _TEXTS, _CODES)


def _read(parse: Any, body: bytes) -> str | None:
    """A value with its types and the order of its names; None: it is refused."""
    try:
        return repr(parse(body))
    except (ValueError, Problem):
        return None


def _quickly(body: bytes) -> Any:
    return from_json(body, allow_inf_nan=False, cache_strings="keys")


@settings(max_examples=1_000)
@given(_BODIES | st.binary(max_size=30))
@example(b'{"a":1,"b":2,"a":3.0}')
@example(b'"\\ud800"')
@example(b"[" * 199 + b"]" * 199)
@example(b'"\xed\xa0\x80"')
def test_what_the_quick_parser_takes_the_other_reads_alike(body: bytes) -> None:
    """Types, the sign of zero, the order of names and the last of several alike included."""
    quick = _read(_quickly, body)

    assert quick is None or quick == _read(read_closely, body)


@settings(max_examples=300)
@given(_BODIES | st.binary(max_size=30))
def test_the_two_together_are_the_other_alone(body: bytes) -> None:
    """Nothing more and nothing less is JSON than before there was a quick one."""
    assert _read(parse_json, body) == _read(read_closely, body)


@settings(max_examples=500)
@given(_NUMBERS)
def test_a_number_is_the_nearest_one_that_there_is(written: str) -> None:
    """To the last bit."""
    body = written.encode()

    assert _read(parse_json, body) == _read(read_closely, body)


@pytest.mark.parametrize("code", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_all_encodings_of_json_are_read(code: str) -> None:
    """The quick parser knows UTF-8 only."""
    assert parse_json('{"é": "\\ud800"}'.encode(code)) == {"é": "\ud800"}


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a":1,}', b'"\x00"', b'"\xff"', b"{} {}", b"9" * 5_000])
def test_what_is_wrong_is_said_in_the_standard_librarys_words(body: bytes) -> None:
    """One parser's words, whichever saw it first."""
    with pytest.raises(Problem) as said:
        parse_json(body)
    with pytest.raises(Problem) as meant:
        read_closely(body)

    assert said.value.detail == meant.value.detail


@pytest.mark.parametrize("more", [0, 1, 150, 100_000])
def test_the_limit_of_depth_is_the_same_for_both(more: int) -> None:
    """As deep as allowed, one deeper, deeper than the quick parser goes, and deeper than the other one does."""
    depth = MAX_DEPTH + more
    body = b"[" * depth + b"0" + b"]" * depth
    if not more:
        assert json.dumps(parse_json(body)).encode() == body
        return
    with pytest.raises(Problem, match="levels deep"):
        parse_json(body)
