"""Reads a request's body within bounds of size and time, before anything looks at it."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from starlette.datastructures import Headers
from starlette.requests import Request

from ingress.problems import Problem

_CLOSE: Final = {"connection": "close"}
"""What is left of an unread body must not be taken for the next request."""
_PLAIN: Final = frozenset({"", "identity"})
_SHOWN: Final = 100
MAX_DEPTH: Final = 64
"""How deeply JSON may be nested: no payload needs more, and what walks through a value does so by recursion."""


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The raw bytes.

    Raises:
        Problem: larger than `limit` bytes, not there within `seconds`, compressed, or of another type than JSON.
        ClientDisconnect: the sender went away.
    """
    headers = request.headers
    _check_type(headers)
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise Problem("slow", f"the body was not there within {seconds:g} s", _CLOSE) from None
    return parts[0] if len(parts) == 1 else b"".join(parts)


def parse_json(body: bytes) -> Any:
    """The body's value, by the letter of RFC 8259: no NaN, no Infinity.

    Raises:
        Problem: it is no JSON.
    """
    try:
        value = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError as error:
        raise Problem("malformed", f"it is not in UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise Problem("malformed", str(error)) from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and not _ends_within(value, MAX_DEPTH):
        raise _too_deep()
    return value


def _ends_within(value: Any, depth: int) -> bool:
    """Whether a value is nested at most so deeply: level by level, without recursion."""
    level = [value]
    for _ in range(depth + 1):
        level = [child for node in level for child in _children(node)]
        if not level:
            return True
    return False


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _too_deep() -> Problem:
    return Problem("malformed", f"it is nested more than {MAX_DEPTH} levels deep")


def _check_type(headers: Headers) -> None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json") and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem("media-type", f"content-type is {kind[:_SHOWN]!r}, not application/json", _CLOSE)
    if (encoding := headers.get("content-encoding", "").strip().lower()) not in _PLAIN:
        raise Problem("media-type", f"content-encoding is {encoding[:_SHOWN]!r}; send the body as it is", _CLOSE)


def _too_large(limit: int) -> Problem:
    return Problem("too-large", f"it has more than {limit} bytes", _CLOSE)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
