"""Rows as PostgreSQL array literals, one array a column: a statement's text never changes with the number of rows.

Written by hand, because psycopg dumps a list element by element through its adapters, which costs several times more
than the rest of a batch's preparation. Whole columns are looked at before their elements: hardly any needs an escape.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, get_type_hints

Encoder = Callable[[Sequence[Any]], str]


def columns(kind: type[NamedTuple], rows: Sequence[NamedTuple]) -> dict[str, str]:
    """The rows' columns by name, each as a PostgreSQL array literal.

    Args:
        kind: the row class; also right when there are no rows.
        rows: instances of it.
    """
    names = kind._fields
    values: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: encode(column) for name, column, encode in zip(names, values, _encoders(kind), strict=True)}


def texts(values: Sequence[str | None]) -> str:
    """A text array as literal; None is NULL."""
    together = "".join(filter(None, values))
    if '"' in together or "\\" in together:
        return _array(["NULL" if value is None else _quoted(value) for value in values])
    if together:
        try:
            return "".join(('{"', '","'.join(values), '"}'))  # type: ignore[arg-type]  # a None among them is caught
        except TypeError:
            pass  # at one pass over the values; to look for None first costs more than to join them
    return _array(["NULL" if value is None else f'"{value}"' for value in values])


def integers(values: Sequence[int | None]) -> str:
    """An integer or boolean array as literal; None is NULL."""
    if None in values:
        return _array(["NULL" if value is None else str(value) for value in values])
    return _array([str([*values])[1:-1]])


def _array(elements: Sequence[str]) -> str:
    return f"{{{','.join(elements)}}}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _nested(values: Sequence[Sequence[str]]) -> str:
    # unnest flattens arrays of arrays, so an inner array travels as text and is cast back in the query.
    if not any(values):
        return _array(['"{}"'] * len(values))
    return texts([texts(value) for value in values])


def _nested_or_null(values: Sequence[Sequence[str] | None]) -> str:
    return texts([None if value is None else texts(value) for value in values])


def octets(values: Sequence[bytes | None]) -> str:
    """A bytea array as literal; None is NULL."""
    return _array(["NULL" if value is None else f'"\\\\x{value.hex()}"' for value in values])


_ENCODERS: Final[dict[Any, Encoder]] = {
    str: texts,
    str | None: texts,
    int: integers,
    int | None: integers,
    bool: integers,
    bool | None: integers,
    bytes: octets,
    bytes | None: octets,
    tuple[str, ...]: _nested,
    tuple[str, ...] | None: _nested_or_null,
}


@cache
def _encoders(kind: type[NamedTuple]) -> tuple[Encoder, ...]:
    hints = get_type_hints(kind)
    return tuple(_ENCODERS[hints[name]] for name in kind._fields)
