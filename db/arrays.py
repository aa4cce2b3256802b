"""Rows as PostgreSQL array literals, one array a column: a statement's text never changes with the number of rows.

Written by hand, because psycopg dumps a list element by element through its adapters, which costs several times more
than the rest of a batch's preparation.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, get_type_hints

Encoder = Callable[[Any], str]


def columns(kind: type[NamedTuple], rows: Sequence[NamedTuple]) -> dict[str, str]:
    """The rows' columns by name, each as a PostgreSQL array literal.

    Args:
        kind: the row class; also right when there are no rows.
        rows: instances of it.
    """
    names = kind._fields
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(names)
    encoders = _encoders(kind)
    return {name: array(values[i], encoders[i]) for i, name in enumerate(names)}


def array(values: Sequence[Any], encode: Encoder) -> str:
    """An array literal; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else encode(value) for value in values]) + "}"


def text(value: str) -> str:
    """An element of a text array."""
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def texts(values: Sequence[str]) -> str:
    """A text array as literal."""
    return array(values, text)


def integers(values: Sequence[int]) -> str:
    """An integer array as literal."""
    return array(values, str)


def _nested(values: Sequence[str]) -> str:
    # unnest flattens arrays of arrays, so an inner array travels as text and is cast back in the query.
    return text(texts(values))


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


_ENCODERS: Final[dict[Any, Encoder]] = {
    str: text,
    str | None: text,
    int: str,
    int | None: str,
    bool: str,
    bytes: _bytes,
    bytes | None: _bytes,
    tuple[str, ...]: _nested,
}


@cache
def _encoders(kind: type[NamedTuple]) -> tuple[Encoder, ...]:
    hints = get_type_hints(kind)
    return tuple(_ENCODERS[hints[name]] for name in kind._fields)
