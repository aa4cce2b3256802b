"""Reads a request's parameters, key and body. Nothing is ignored, so that what is misspelled does not pass unseen."""

import re
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from ingress.api_models import KEY_PATTERN, MAX_KEY
from ingress.body import parse_json
from ingress.problems import Problem
from ingress.providers.fields import instant
from schemas.events import InvalidChangeError

M = TypeVar("M", bound=BaseModel)

_SHOWN: Final = 40
_KEY: Final = re.compile(KEY_PATTERN)


def parameters(request: Request, *known: str) -> dict[str, str]:
    """The parameters of the query, each at most once.

    Raises:
        Problem: one is unknown here, or comes twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in known:
            there = f"there is {' and '.join(known)}" if known else "there is none"
            raise Problem("parameter", f"{name[:_SHOWN]!r} is no parameter here; {there}")
        if name in found:
            raise Problem("parameter", f"{name} is given more than once")
        found[name] = value
    return found


def log_time(value: str, name: str) -> int:
    """A time as ms UTC, from ISO 8601 (without a zone: UTC) or ms since 1970.

    Raises:
        Problem: it is neither.
    """
    if "T" in value:
        value = value.replace(" ", "+")  # an offset's plus sign that nobody escaped
    try:
        return instant(int(value) if value.isascii() and value.isdecimal() else value, name, 0)
    except InvalidChangeError as error:
        raise Problem("parameter", str(error)) from None
    except ValueError:  # Python refuses to read numbers of thousands of digits
        raise Problem("parameter", f"{name}: is too long") from None


def count(value: str, name: str, most: int) -> int:
    """A number from 1 to `most`.

    Raises:
        Problem: it is none.
    """
    if not (value.isascii() and value.isdecimal() and len(value) <= len(str(most)) and 1 <= int(value) <= most):
        raise Problem("parameter", f"{name}: must be a number from 1 to {most}")
    return int(value)


def idempotency_key(request: Request) -> str | None:
    """The key between the quotes; None when the request has none.

    Raises:
        Problem: it is no string of structured fields, or empty, or too long, or there are several.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Problem(
            "idempotency-key",
            f'send it once, as 1 to {MAX_KEY} ASCII characters in double quotes, such as "8e03978e-40d5-43e8"',
        )
    return given[0][1:-1]


def read_model(kind: type[M], body: bytes) -> M:
    """A body as this model.

    Raises:
        Problem: it is no JSON, or not what the model says; with the first field that is wrong.
    """
    try:
        return kind.model_validate(parse_json(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part)[:_SHOWN] for part in first["loc"]) or "body"
        reason = first["msg"].removeprefix("Value error, ")
        reason = reason[:1].lower() + reason[1:]
        raise Problem("invalid-request", f"{field}: {reason}", field=field, reason=reason) from None
