"""Whatever bytes come in, decoding ends in a change or in one of two named errors, within bounded memory."""

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.codec import HEADER_BYTES, Codec, UndecodableError, change_codec, decode_change, encode_change
from schemas.events import Company, InvalidChangeError, Movement, Person, PersonChange

_SMALL = PersonChange("e", "s", "person.role_change", 1, 2, Company("c"), Movement.JOINED, Person("p"))
_HEADER = encode_change(_SMALL)[:HEADER_BYTES]
_HUGE = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
"""A length of 2**62 - 1 as an Avro long."""


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (None, r"no value \(a tombstone\)"),
        (b"", "starts with nothing, not with C3 01"),
        (b"\xc3", "starts with c3, not with C3 01"),
        (b"\xc3\x02" + _HEADER[2:], "starts with c3 02, not with C3 01"),
        (b'{"id":"evt-1"}', "starts with 7b 22, not with C3 01"),
        (b"Obj\x01", "starts with 4f 62, not with C3 01"),
        (b"\x00\x00\x00\x00\x07abc", r"Confluent wire format \(first byte 00\)"),
        (b"\xc3\x01" + bytes(range(8)) + b"abc", "schema fingerprint 0001020304050607 is no released person_change"),
        (b"\xc3\x01", "schema fingerprint  is no released person_change"),
        (_HEADER, "not a person_change in Avro"),
    ],
    ids=["none", "empty", "half", "marker", "json", "container", "confluent", "fingerprint", "marker-only", "no-body"],
)
def test_the_message_says_what_was_found(data: bytes | None, found: str) -> None:
    """Whoever reads a dead letter sees from its reason what the sender sent instead."""
    with pytest.raises(UndecodableError, match=found):
        decode_change(data)


def test_a_change_cut_off_anywhere_is_undecodable(change: PersonChange) -> None:
    """No prefix of a change passes as a change: a field at the end would silently be lost."""
    data = encode_change(change)
    for length in range(len(data)):
        with pytest.raises(UndecodableError):
            decode_change(data[:length])


@pytest.mark.parametrize("tail", [b"\x00", b"\x00" * 7, b"\xc3\x01"])
def test_bytes_after_the_change_are_refused_and_counted(change: PersonChange, tail: bytes) -> None:
    """What follows a change was meant to say something; we do not guess that it did not matter."""
    with pytest.raises(UndecodableError, match=rf"^{len(tail)} bytes follow the person_change$"):
        decode_change(encode_change(change) + tail)


def test_another_record_of_the_contract_is_no_change() -> None:
    """A tick on the wrong topic, or without its header, never reads as a change."""
    tick = Codec("tick").encode({"sent_at": 1, "sent_by": "consumer-1"})
    with pytest.raises(UndecodableError, match="is no released person_change"):
        decode_change(tick)


def test_text_that_is_no_utf_8_is_undecodable() -> None:
    """Broken text is refused, never repaired into something the sender did not say."""
    data = encode_change(_SMALL)
    assert data[HEADER_BYTES : HEADER_BYTES + 2] == b"\x02e"
    with pytest.raises(UndecodableError, match="UnicodeDecodeError"):
        decode_change(data[: HEADER_BYTES + 1] + b"\xff" + data[HEADER_BYTES + 2 :])


def _try(data: bytes) -> None:
    with suppress(UndecodableError, InvalidChangeError):
        decode_change(data)


@given(st.binary(max_size=200))
@example(b"")
@example(_HUGE)
def test_random_bytes_never_raise_anything_else(data: bytes) -> None:
    """The consumer's two errors are all that arbitrary bytes, with or without our header, can cause."""
    _try(data)
    _try(_HEADER + data)


@given(st.data())
def test_a_damaged_change_never_raises_anything_else(data: st.DataObject) -> None:
    """Neither does a change in which bytes were overwritten, cut out or put in."""
    whole = bytearray(encode_change(_SMALL))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(HEADER_BYTES, len(whole)))
        end = data.draw(st.integers(start, min(len(whole), start + 3)))
        whole[start:end] = data.draw(st.binary(max_size=12) | st.just(_HUGE))
    _try(bytes(whole))


@pytest.mark.parametrize("place", range(HEADER_BYTES, len(encode_change(_SMALL))))
def test_a_claimed_length_takes_no_memory(place: int) -> None:
    """A few bytes that claim to be quintillions, as text or as a map, are refused without room being made for them."""
    data = encode_change(_SMALL)
    evil = data[:place] + _HUGE + data[place:]
    _try(evil)  # what is cached on the first call is not what we measure
    tracemalloc.start()
    try:
        _try(evil)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000


def test_an_empty_map_block_costs_its_bytes_only() -> None:
    """A map that claims more entries than there are bytes ends where the bytes end."""
    record = {**change_codec().decode(encode_change(_SMALL)), "changes": {}}
    data = change_codec().encode(record)
    at = len(data) - 4  # the map's block count is followed by three nulls
    with pytest.raises(UndecodableError, match="EOFError"):
        decode_change(data[:at] + _HUGE + b"\x00\x00\x00" * 50)
