"""Reads a request's body within bounds of size and time, before anything looks at it."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn

from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from ingress.problems import Problem

_CLOSE: Final = {"connection": "close"}
"""What is left of an unread body must not be taken for the next request."""
_USUAL: Final = b"application/json"
_PLAIN: Final = frozenset({"", "identity"})
_SHOWN: Final = 100
MAX_DEPTH: Final = 64
"""How deeply JSON may be nested: no payload needs more, and what walks through a value does so by recursion."""


async def read_body(scope: Scope, receive: Receive, limit: int, seconds: float) -> bytes:
    """The raw bytes.

    Raises:
        Problem: larger than `limit` bytes, not there within `seconds`, compressed, or of another type than JSON.
        ClientDisconnect: the sender went away.
    """
    check_head(dict(scope["headers"]), limit)
    try:
        async with asyncio.timeout(seconds):
            return await _arriving(receive, limit)
    except TimeoutError:
        raise Problem("slow", f"the body was not there within {seconds:g} s", _CLOSE) from None


def check_head(headers: Mapping[bytes, bytes], limit: int) -> None:
    """Refuse what the head says already.

    Raises:
        Problem: the body is larger than `limit` bytes, compressed, or of another type than JSON.
    """
    _check_type(headers)
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)


def check_size(body: bytes, limit: int) -> None:
    """Refuse a body that is here.

    Raises:
        Problem: it is larger than `limit` bytes.
    """
    if len(body) > limit:
        raise _too_large(limit)


async def _arriving(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part, more = message.get("body", b""), message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def parse_json(body: bytes) -> Any:
    """The body's value, by the letter of RFC 8259: no NaN, no Infinity.

    The quick parser's word is final only where it takes a text: what it takes the other takes too, as the same value.
    The other one knows UTF-16 and lone surrogates as well, and says what is wrong.

    Raises:
        Problem: it is no JSON.
    """
    try:
        # Strings are no keys that come again, but people's names: no cache of the parser is to keep them.
        value = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        value = read_closely(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and not _ends_within(value, MAX_DEPTH):
        raise _too_deep()
    return value


def read_closely(body: bytes) -> Any:
    """The same at a third of the speed, without the limit of depth.

    Raises:
        Problem: it is no JSON.
    """
    try:
        return _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except RecursionError:
        raise _too_deep() from None
    except UnicodeDecodeError as error:
        raise Problem("malformed", f"it is not in UTF-8: {error.reason} at byte {error.start}") from None
    except ValueError as error:
        raise Problem("malformed", str(error)) from None


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


def _check_type(headers: Mapping[bytes, bytes]) -> None:
    said, encoded = headers.get(b"content-type", b""), headers.get(b"content-encoding", b"")
    if said == _USUAL and not encoded:
        return
    kind = said.decode("latin-1").partition(";")[0].strip().lower()
    if kind not in ("", "application/json") and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem("media-type", f"content-type is {kind[:_SHOWN]!r}, not application/json", _CLOSE)
    if (encoding := encoded.decode("latin-1").strip().lower()) not in _PLAIN:
        raise Problem("media-type", f"content-encoding is {encoding[:_SHOWN]!r}; send the body as it is", _CLOSE)


def _too_large(limit: int) -> Problem:
    return Problem("too-large", f"it has more than {limit} bytes", _CLOSE)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)
