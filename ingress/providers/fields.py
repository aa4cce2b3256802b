"""Reads single values of a JSON payload; what does not fit is named with the sender's own dotted path."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.events import MAX_TEXT_BYTES, FieldChange, InvalidChangeError, check_text

JsonObject = Mapping[str, Any]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EARLIEST_MS: Final = 100_000_000_000
"""March 1973; as seconds, the year 5138: a smaller number of ms is seconds by mistake."""


def as_object(value: Any, field: str) -> JsonObject:
    """An object; null and absent are an empty one.

    Raises:
        InvalidChangeError: the value is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidChangeError(field, "must be an object")
    return value


def as_list(value: Any, field: str, most: int) -> list[Any]:
    """An array with at least one element.

    Raises:
        InvalidChangeError: the value is something else, or has more than `most` elements.
    """
    if not isinstance(value, list) or not value:
        raise InvalidChangeError(field, "must be an array with at least one element")
    if len(value) > most:
        raise InvalidChangeError(field, f"has more than {most} elements")
    return value


def element(value: Any, field: str) -> JsonObject:
    """An object that must be there.

    Raises:
        InvalidChangeError: the value is something else.
    """
    if not isinstance(value, dict):
        raise InvalidChangeError(field, "must be an object")
    return value


@contextmanager
def spelled(places: Mapping[str, str]) -> Iterator[None]:
    """Name what breaks a limit of the contract as the sender spells it.

    Args:
        places: the contract's field to the sender's.
    """
    try:
        yield
    except InvalidChangeError as error:
        raise InvalidChangeError(places.get(error.field, error.field), error.reason) from None


def derived_id(*parts: Any) -> str:
    """An id for an event to which the sender gives none: the same JSON values always have the same one."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:32]


def identifier(value: Any, field: str) -> str:
    """An id as text; providers send whole numbers too.

    Raises:
        InvalidChangeError: it is missing, or neither text nor a whole number.
    """
    if isinstance(value, str):
        return value
    if value is None:
        raise InvalidChangeError(field, "must be given")
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidChangeError(field, "must be text or a whole number")
    return _digits(value, field)


def text(value: Any, field: str) -> str | None:
    """A text; null, absent and blank say nothing.

    Raises:
        InvalidChangeError: the value is no text, or breaks a limit of the contract.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidChangeError(field, "must be text")
    if len(value) > MAX_TEXT_BYTES or not value.isprintable() or not value.isascii():
        check_text(field, value)
    return value if value and not value.isspace() else None


def count(value: Any, field: str) -> int | None:
    """A whole number or nothing.

    Raises:
        InvalidChangeError: the value is something else.
    """
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise InvalidChangeError(field, "must be a whole number")
    return value


def instant(value: Any, field: str, default: int) -> int:
    """A time as ms UTC, from ISO 8601 (without a zone: UTC) or from ms since 1970.

    Raises:
        InvalidChangeError: the value is no time.
    """
    if value is None:
        return default
    if isinstance(value, str):
        return _iso(value, field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidChangeError(field, "must be ISO 8601 text or whole milliseconds since 1970")
    if 0 < value < _EARLIEST_MS:
        raise InvalidChangeError(field, "must be in milliseconds since 1970; this looks like seconds")
    return value


def field_changes(value: Any, field: str) -> dict[str, FieldChange]:
    """What the sender says fields were and are: `{"title": {"old": …, "new": …}}`; a bare value is the new one.

    Raises:
        InvalidChangeError: the value is no object.
    """
    return {name: _field_change(change) for name, change in as_object(value, field).items()}


def _field_change(value: Any) -> FieldChange:
    if isinstance(value, dict):
        return FieldChange(_as_text(value.get("old")), _as_text(value.get("new")))
    return FieldChange(None, _as_text(value))


def _as_text(value: Any) -> str | None:
    """Any JSON value as text: what we do not understand is kept as it is, for people."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _digits(value: int, field: str) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write out numbers of thousands of digits
        raise InvalidChangeError(field, "is too long") from None


def _iso(value: str, field: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidChangeError(field, "is not a time in ISO 8601, such as 2025-10-10T12:00:00Z") from None
    # Subtracted, not converted to UTC: a conversion overflows in the years 1 and 9999.
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND
