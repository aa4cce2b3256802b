"""Changes read straight from bytes are those that fastavro and the contract's limits let pass, and no others."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import reader
from schemas.codec import UndecodableError, change_codec, decode_change, encode_change, encode_valid_change
from schemas.events import (
    MAX_EMPLOYEES,
    MAX_LEAD_MS,
    MAX_TIME_MS,
    ChangeType,
    Company,
    FieldChange,
    InvalidChangeError,
    Movement,
    Person,
    PersonChange,
    validate_change,
)
from schemas.reader import HEADER, read_change

_NOW = 1_760_000_000_000
_ODD_TEXTS = ["", " ", "\t", "\x00", "a\x1fb", "\x7f", "\xa0", "é" * 40]
_ODD_TEXTS += ["x" * size for size in (63, 64, 255, 256, 4096, 4097, 8191, 9000)]
_ODD_NUMBERS = [-1, 0, 2**40, _NOW + MAX_LEAD_MS, _NOW + MAX_LEAD_MS + 1, MAX_TIME_MS, MAX_TIME_MS + 1, MAX_EMPLOYEES]
_ODD_NUMBERS += [MAX_EMPLOYEES + 1, 2**63 - 1, -(2**63)]
_usual = PersonChange(
    "evt_1",
    "acme",
    "person.role_change",
    _NOW,
    _NOW,
    Company("c-1", "Société", "c-1.example.com", "banking", 120),
    Movement.JOINED,
    Person("p-1", "Zoë", "zoe@example.com", title="VP Sales", country="FR"),
    Company("c-2"),
    {"title": FieldChange("CRO", "x" * 200)},
    "w-1",
    "u-1",
    "champion",
)


@pytest.fixture(autouse=True)
def _no_company_known() -> None:
    reader._known_companies.clear()


def _slowly(data: bytes) -> PersonChange | str:
    """What fastavro and the limits make of bytes, by the way that does without this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("schemas.codec.read_change", lambda _: None)
        try:
            return decode_change(data)
        except (UndecodableError, InvalidChangeError) as error:
            return str(error)


def _variants(value: Any) -> Iterator[Any]:
    """The value with one field after the other, at any depth, made into something odd."""
    for name in getattr(value, "__slots__", ()):
        field = getattr(value, name)
        odd: list[Any] = _ODD_TEXTS if field is None or isinstance(field, str) else []
        if isinstance(field, int) or name == "employee_count":
            odd = _ODD_NUMBERS
        elif isinstance(field, Company | Person):
            odd = [*_variants(field), *([] if name == "company" else [None])]
        yield from (replace(value, **{name: to}) for to in odd if name != "movement")


def _many_variants() -> Iterator[PersonChange]:
    yield from _variants(_usual)
    yield from _variants(replace(_usual, type="buyer_group.refresh_requested"))
    for text in _ODD_TEXTS:
        for changes in ({text: FieldChange()}, {"x": FieldChange(text)}, {"x": FieldChange(None, text)}):
            yield replace(_usual, changes=changes)
    for count in (0, 2, 63, 64, 100, 101):
        yield replace(_usual, changes={f"field_{at}": FieldChange() for at in range(count)})


def test_what_is_read_fast_keeps_every_limit() -> None:
    """Whatever one field is made into: what is read fast is what fastavro reads and the limits let pass."""
    for change in _many_variants():
        data = encode_valid_change(change)
        for _ in range(2):  # the second time, its companies are known
            if (found := read_change(data)) is not None:
                assert found == _slowly(data)


@given(st.integers(0, 10**6), st.binary(max_size=3), st.integers(0, 3))
@example(0, b"", 1)
def test_broken_bytes_are_never_read_as_something_else(at: int, put: bytes, cut: int) -> None:
    """Bytes cut out, put in or overwritten anywhere: what is still read is what fastavro still reads."""
    data = encode_change(_usual)
    assert read_change(data) == _usual
    at = len(HEADER) + at % (len(data) - len(HEADER) + 1)
    broken = data[:at] + put + data[at + cut :]
    if (change := read_change(broken)) is not None:
        assert change == _slowly(broken)


@pytest.mark.parametrize("movement", Movement)
def test_an_ordinary_change_needs_no_second_look(movement: Movement) -> None:
    """The fast way is the way of ordinary changes, of every movement: else nothing would be won."""
    assert read_change(encode_change(replace(_usual, movement=movement))) == replace(_usual, movement=movement)
    bare = PersonChange("e", "s", "buyer_group.refresh_requested", 1, 2, Company("c"), movement)
    assert read_change(encode_change(bare)) == bare


def test_a_company_that_says_something_else_is_read_anew() -> None:
    """What is remembered of a company counts only where the very same bytes stand."""
    for company in (Company("c-1", "Old"), Company("c-1", "New"), Company("c-1", "New", None, None, 7), Company("c-1")):
        assert read_change(encode_change(replace(_usual, company=company))) == replace(_usual, company=company)


@pytest.mark.parametrize("kind", ChangeType)
@pytest.mark.parametrize("person", [None, Person("p-1")])
@pytest.mark.parametrize("changes", [{}, {"id": FieldChange("p-1")}, {"id": FieldChange("p-2")}])
def test_rules_of_a_type_hold_on_the_fast_way(
    kind: str, person: Person | None, changes: dict[str, FieldChange]
) -> None:
    """What only some types must say is asked of them however they are read: a batch rests on it."""
    said = replace(_usual, type=kind, person=person, changes=changes)
    try:
        expected: PersonChange | None = validate_change(said)
    except InvalidChangeError:
        expected = None

    assert read_change(encode_valid_change(said)) in (expected, None)


class Looked(bytes):
    """Bytes that count how often one of them is looked at."""

    times = 0

    def __getitem__(self, place: Any) -> Any:
        self.times += 1
        return super().__getitem__(place)


def test_a_number_without_an_end_is_not_added_up() -> None:
    """A record of such bytes would hold up its partition for as long as that takes: a minute for a megabyte."""
    endless = Looked(HEADER + b"\x02e\x02s\x02t" + b"\xff" * 1_000)

    assert read_change(endless) is None

    assert endless.times < 50


def test_what_is_remembered_of_companies_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of ever new companies does not fill the memory."""
    monkeypatch.setattr(reader, "_COMPANIES_KEPT", 10)
    for number in range(100):
        read_change(encode_change(replace(_usual, company=Company(f"c-{number}"))))
    assert len(reader._known_companies) <= 10


def test_the_fast_way_is_that_of_the_current_schema() -> None:
    """Who changes the schema must teach the fast reader its fields, then its fingerprint."""
    data = encode_change(_usual)
    assert data.startswith(HEADER)
    assert change_codec().decode(data)["event_id"] == _usual.event_id


@pytest.mark.parametrize("value", [b"", b"\xc3\x01", b"\x00\x00\x00\x00\x07", HEADER, HEADER[:-1] + b"\x00"])
def test_bytes_of_anything_else_are_left_alone(value: bytes) -> None:
    """Other schemas and framings are for the codec to judge."""
    assert read_change(value) is None
