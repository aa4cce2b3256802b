"""Writes values of our own classes in Avro binary encoding, each schema compiled once into functions.

fastavro writes dictionaries, holds every value against its schema anew, and costs ingress several times as much. Here
the classes are the schema's already: a record is any object with attributes of its fields' names, an enum a text. A
record becomes one function in Python, as that of a dataclass does: a call for each field would cost twice as much.
"""

from collections.abc import Callable, Mapping
from keyword import iskeyword
from typing import Any, Final

Write = Callable[[Any], bytes]

_NULL: Final = b"\x00"
"""The first branch of a union; also the end of a map or an array."""
_SECOND: Final = b"\x02"
_USUAL: Final = 256
_SIX_BYTES: Final = 1 << 35
_SEVEN_BYTES: Final = 1 << 42


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
    """`lambda record: join((…, …,))` with the bytes of one field after the other."""
    scope: dict[str, Any] = {"join": b"".join, "null": _NULL, "second": _SECOND}
    scope.update(sizes=_SIZES, some_sizes=_SOME_SIZES)
    parts = [_part(field, f"write_{place}", scope, named) for place, field in enumerate(schema["fields"])]
    write: Write = eval(f"lambda record: join(({', '.join(parts)},))", scope)  # noqa: S307  # of schemas beside this file
    return write


def _part(field: Mapping[str, Any], write: str, scope: dict[str, Any], named: dict[str, Write]) -> str:
    """The expression that writes a field; `write` is what its own writer is called in the scope, if it needs one."""
    name = field["name"]
    if not name.isidentifier() or iskeyword(name):
        raise UnwritableError(f"a field {name!r} cannot be written: no attribute can be called so")
    match field["type"]:
        case "string":
            return f"sizes[len(data := record.{name}.encode())], data"
        case ["null", "string"]:
            return f"null if (value := record.{name}) is None else some_sizes[len(data := value.encode())] + data"
        case ["null", some]:
            scope[write] = writer_of(some, named)
            return f"null if (value := record.{name}) is None else second + {write}(value)"
        case kind:
            scope[write] = writer_of(kind, named)
            return f"{write}(record.{name})"


def _enum(schema: Mapping[str, Any], _: dict[str, Write]) -> Write:
    return {symbol: _long(place) for place, symbol in enumerate(schema["symbols"])}.__getitem__


def _map(schema: Mapping[str, Any], named: dict[str, Write]) -> Write:
    inner = writer_of(schema["values"], named)

    def write(values: Mapping[str, Any]) -> bytes:
        if not values:
            return _NULL
        entries = [_SIZES[len(data := name.encode())] + data + inner(value) for name, value in values.items()]
        return b"".join((_SIZES[len(entries)], *entries, _NULL))

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
    return _SIZES[len(data)] + data


def _optional_text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    return _SOME_SIZES[len(data)] + data


def _long(value: int) -> bytes:
    """Zigzag, then seven bits a byte, the lowest first."""
    left = value << 1 if value >= 0 else ~(value << 1)
    if _SIX_BYTES <= left < _SEVEN_BYTES:  # what times of our days have, at two thirds of the cost of the loop
        low = (left & 0x7F | 0x80, left >> 7 & 0x7F | 0x80, left >> 14 & 0x7F | 0x80)
        return bytes((*low, left >> 21 & 0x7F | 0x80, left >> 28 & 0x7F | 0x80, left >> 35))
    out = bytearray()
    while left > 0x7F:  # noqa: PLR2004  # what seven bits hold
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


class _Sizes(dict[int, bytes]):
    """Sizes as they are written: the usual ones are there.

    Args:
        before: what stands before a size.
    """

    def __init__(self, before: bytes) -> None:
        super().__init__({size: before + _long(size) for size in range(_USUAL)})
        self._before = before

    def __missing__(self, size: int) -> bytes:
        return self._before + _long(size)


_SIZES: Final = _Sizes(b"")
_SOME_SIZES: Final = _Sizes(_SECOND)
_PRIMITIVES: Final[Mapping[str, Write]] = {"string": _text, "long": _long, "int": _long}
