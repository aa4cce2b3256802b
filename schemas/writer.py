"""Writes values of our own classes in Avro binary encoding, each schema compiled once into functions.

fastavro writes dictionaries, holds every value against its schema anew, and costs ingress three times as much. Here the
classes are the schema's already: a record is any object with attributes of its fields' names, an enum a text.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter, call
from typing import Any, Final

Write = Callable[[Any], bytes]

_NULL: Final = b"\x00"
"""The first branch of a union; also the end of a map or an array."""
_SECOND: Final = b"\x02"
_SMALL: Final = 256


class UnwritableError(ValueError):
    """A schema with something in it that none of ours needs."""


def writer_of(schema: Any, named: dict[str, Write] | None = None) -> Write:
    """Compile a schema.

    Args:
        schema: as JSON says it.
        named: the types that it may refer to; its own are added.

    Raises:
        UnwritableError: it has a type other than records, enums, texts, whole numbers, arrays, maps, and unions of one
            of them with null, null first.
    """
    known = {**_PRIMITIVES} if named is None else named
    if isinstance(schema, list):
        return _optional(schema, known)
    if isinstance(schema, str):
        if schema not in known:
            raise UnwritableError(f"type {schema} cannot be written")
        return known[schema]
    kind = schema["type"]
    if kind in _COMPILED:
        write = _COMPILED[kind](schema, known)
        if name := schema.get("name"):
            known[name] = write
        return write
    return writer_of(kind, known)


def _record(schema: Mapping[str, Any], named: dict[str, Write]) -> Write:
    names = [field["name"] for field in schema["fields"]]
    writers = [writer_of(field["type"], named) for field in schema["fields"]]
    if len(names) == 1:  # of one name, attrgetter gives no tuple
        only, write_only = attrgetter(*names), writers[0]
        return lambda record: write_only(only(record))
    values = attrgetter(*names)
    return lambda record: b"".join(map(call, writers, values(record)))


def _enum(schema: Mapping[str, Any], _: dict[str, Write]) -> Write:
    return {symbol: _long(place) for place, symbol in enumerate(schema["symbols"])}.__getitem__


def _map(schema: Mapping[str, Any], named: dict[str, Write]) -> Write:
    inner = writer_of(schema["values"], named)

    def write(values: Mapping[str, Any]) -> bytes:
        if not values:
            return _NULL
        entries = [_text(name) + inner(value) for name, value in values.items()]
        return b"".join([_long(len(entries)), *entries, _NULL])

    return write


def _array(schema: Mapping[str, Any], named: dict[str, Write]) -> Write:
    inner = writer_of(schema["items"], named)
    return lambda values: b"".join([_long(len(values)), *map(inner, values), _NULL]) if values else _NULL


def _optional(branches: list[Any], named: dict[str, Write]) -> Write:
    match branches:
        case ["null", "string"]:
            return _optional_text
        case ["null", some]:
            inner = writer_of(some, named)
        case _:
            raise UnwritableError(f"a union of {len(branches)} types that does not begin with null cannot be written")

    def write(value: Any) -> bytes:
        return _NULL if value is None else _SECOND + inner(value)

    return write


_COMPILED: Final = {"record": _record, "enum": _enum, "array": _array, "map": _map}


def _text(value: str) -> bytes:
    data = value.encode()
    size = len(data)
    return (_SIZES[size] if size < _SMALL else _long(size)) + data


def _optional_text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    size = len(data)
    return (_SOME_SIZES[size] if size < _SMALL else _SECOND + _long(size)) + data


def _long(value: int) -> bytes:
    """Zigzag, then seven bits a byte, the lowest first."""
    left = value << 1 if value >= 0 else ~(value << 1)
    out = bytearray()
    while left > 0x7F:  # noqa: PLR2004  # what seven bits hold
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


_SIZES: Final = tuple(_long(size) for size in range(_SMALL))
_SOME_SIZES: Final = tuple(_SECOND + size for size in _SIZES)
_PRIMITIVES: Final[Mapping[str, Write]] = {"string": _text, "long": _long, "int": _long}
