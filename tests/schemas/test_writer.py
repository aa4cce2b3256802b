"""Our own writer of Avro writes what fastavro writes, byte for byte."""

import io
from collections.abc import Mapping
from inspect import signature
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers.buyer_group import Kind, Role
from consumers.runtime.updates import Because, Destination, Line, Update
from schemas.codec import Codec, encode_valid_change
from schemas.events import Company, Movement, PersonChange
from schemas.hints import PersonHint, encode_hint
from schemas.writer import UnwritableError, writer_of
from tests.support.contract import valid_changes, valid_hints

_ENDS = (0, 63, 64, 127, 128, 8191, 8192, 2**31, 2**41, 2**62, 2**63 - 1)
_TEXTS = {"type": "array", "items": "string"}
_TWO = {"type": "record", "name": "Two", "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string"}]}


def _as_record(value: Any) -> Any:
    """A value as dictionaries, as fastavro takes it."""
    if value is None or isinstance(value, str | int):
        return value.value if isinstance(value, Movement) else value
    if isinstance(value, Mapping):
        return {name: _as_record(inner) for name, inner in value.items()}
    return {name: _as_record(getattr(value, name)) for name in signature(type(value)).parameters}


@given(valid_changes())
@example(PersonChange("e", "s", "t" * 300, 1, 2, Company("c", "é" * 2000, employee_count=2**62)))
def test_a_change_is_written_as_fastavro_writes_it(change: PersonChange) -> None:
    """Whatever a valid change holds in any field, every byte is the one of a library that everybody reads."""
    assert encode_valid_change(change) == Codec("person_change").encode(_as_record(change))


@given(valid_hints())
def test_a_hint_is_written_as_fastavro_writes_it(hint: PersonHint) -> None:
    """The same for a hint."""
    assert encode_hint(hint) == Codec("person_hint").encode(_as_record(hint))


@given(st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]), max_size=600))
def test_any_number_and_any_text_are_written_as_fastavro_writes_them(number: int, text: str) -> None:
    """Sizes of one byte and of several, numbers of either sign."""
    _assert_same(number, text)


@pytest.mark.parametrize("number", [sign * end for end in _ENDS for sign in (1, -1)] + [-(2**63)])
def test_numbers_at_the_ends_of_a_byte_are_written_as_fastavro_writes_them(number: int) -> None:
    """Where one more byte begins, nothing is lost; nor at the ends of what 64 bits hold."""
    _assert_same(number, "")


@pytest.mark.parametrize("size", [63, 64, 255, 256, 257, 8191, 8192])
def test_texts_at_the_ends_of_a_size_are_written_as_fastavro_writes_them(size: int) -> None:
    """The table of sizes and what is beyond it fit together."""
    _assert_same(0, "x" * size)


def _assert_same(number: int, text: str) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(_TWO), {"a": number, "b": text})
    assert writer_of(_TWO)(SimpleNamespace(a=number, b=text)) == out.getvalue()


def test_a_record_of_one_field_is_written_too() -> None:
    """Nothing depends on how many fields there are."""
    schema = {"type": "record", "name": "One", "fields": [{"name": "a", "type": ["null", "string"]}]}
    assert writer_of(schema)(SimpleNamespace(a="x")) == b"\x02\x02x"


@pytest.mark.parametrize("name", ["class", "a.b", "1"])
def test_a_field_that_can_be_no_attribute_is_refused(name: str) -> None:
    """A record becomes a function in Python: no name may be more than a name there."""
    schema = {"type": "record", "name": "Odd", "fields": [{"name": name, "type": "string"}]}
    with pytest.raises(UnwritableError, match="no attribute"):
        writer_of(schema)


@pytest.mark.parametrize("kind", ["double", ["string", "null"], {"type": "array", "items": "double"}])
def test_a_schema_beyond_the_writer_is_refused_before_anything_is_written(kind: Any) -> None:
    """A type that is new in the contract must be taught, not be written wrongly."""
    schema = {"type": "record", "name": "New", "fields": [{"name": "a", "type": kind}]}
    with pytest.raises(UnwritableError, match="cannot be written"):
        writer_of(schema)


def test_what_the_contract_has_not_is_not_written() -> None:
    """A symbol of an enum that the schema does not have is an error, no byte of another one."""
    schema = {"type": "record", "name": "One", "fields": [{"name": "a", "type": _enum("ON", "OFF")}]}
    with pytest.raises(KeyError):
        writer_of(schema)(SimpleNamespace(a="DIM"))


def _enum(*symbols: str) -> dict[str, Any]:
    return {"type": "enum", "name": "Switch", "symbols": list(symbols)}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=70), st.integers(0, 9))
def test_an_array_is_written_as_fastavro_writes_it(texts: list[str], number: int) -> None:
    """Empty, or with more entries than one byte counts."""
    two = {"type": "record", "name": "Many", "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": _TEXTS}]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(two), {"a": number, "b": texts})
    assert writer_of(two)(SimpleNamespace(a=number, b=texts)) == out.getvalue()


_NAMES = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
_PLACES = _NAMES.map(lambda name: None if name is None else Destination(name, None))
_LINES = st.builds(Line, st.sampled_from(Kind), _NAMES, _NAMES, _NAMES, _NAMES, st.just("why"), _PLACES)
_MANY_LINES = st.lists(_LINES, max_size=3)
_BECAUSE = st.builds(Because, st.sampled_from(["CHANGES", "SETTINGS"]), st.lists(st.text("é", max_size=2)))


@given(_BECAUSE, _MANY_LINES, _MANY_LINES, st.lists(st.sampled_from(Role), max_size=2))
def test_an_update_is_written_as_fastavro_writes_it(
    cause: Because, changes: list[Line], settings: list[Line], missing: list[str]
) -> None:
    """What other services are told: all that a group's new version can say, byte for byte."""
    update = Update("w", "c", 300, 1_750_000_000_000, cause, changes, settings, 7, missing)
    codec = Codec("buyer_group_updated")
    assert codec.writer()(update) == codec.encode(_as_dict(update))


def _as_dict(value: Any) -> Any:
    """Named tuples as dictionaries."""
    if hasattr(value, "_asdict"):
        return {name: _as_dict(inner) for name, inner in value._asdict().items()}
    return [_as_dict(inner) for inner in value] if isinstance(value, list) else value
