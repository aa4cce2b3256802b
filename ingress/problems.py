"""Errors as `application/problem+json` (RFC 9457): one table, so that a status and its title never drift apart."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = structlog.get_logger()

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:person-changes:problem:"
RETRY_AFTER_SECONDS: Final = 5

TABLE: Final[Mapping[str, tuple[int, str]]] = MappingProxyType(
    {
        "malformed": (400, "The body is not JSON"),
        "challenge": (400, "This question for proof is not answered"),
        "not-http": (400, "This is no request in HTTP"),
        "parameter": (400, "A parameter is wrong"),
        "idempotency-key": (400, "The Idempotency-Key is malformed"),
        "signature": (401, "The signature does not prove who sent this"),
        "token": (401, "A valid token is needed"),
        "scope": (403, "The token does not allow this"),
        "not-found": (404, "There is nothing here"),
        "unknown-source": (404, "No such source is configured"),
        "unknown-group": (404, "There is no such buyer group"),
        "unknown-event": (404, "Nothing is known of such a change"),
        "method": (405, "This address does not take that method"),
        "slow": (408, "The body did not arrive in time"),
        "under-way": (409, "The first request with this Idempotency-Key is under way"),
        "too-large": (413, "The body is too large"),
        "long-address": (414, "The address is too long"),
        "media-type": (415, "The body must be JSON"),
        "invalid-change": (422, "This is no change"),
        "invalid-request": (422, "The request does not say what it must"),
        "key-reused": (422, "The Idempotency-Key was used for another request"),
        "rate": (429, "Too many requests"),
        "headers": (431, "The header is too large"),
        "bug": (500, "This is a fault of ours"),
        "busy": (503, "Too many requests at once"),
        "connections": (503, "Too many connections at once"),
        "not-acknowledged": (503, "The change could not be stored"),
        "database": (503, "The database cannot be asked now"),
    }
)
"""Code to status and title; the code is the end of the problem's type."""


class Problem(Exception):  # noqa: N818  # the RFC's word
    """A request that is answered with an error.

    Args:
        code: a key of `TABLE`.
        detail: what is wrong with this request, for its sender.
        headers: further ones of the answer.
        **extra: further members of the document.
    """

    def __init__(self, code: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    @property
    def status(self) -> int:
        """The HTTP status."""
        return TABLE[self.code][0]

    def response(self) -> Response:
        """The answer."""
        headers = dict(self.headers)
        if self.status == 503:  # noqa: PLR2004  # Service Unavailable
            headers.setdefault("retry-after", str(RETRY_AFTER_SECONDS))
        return Response(self.body(), self.status, headers, MEDIA_TYPE)

    def body(self) -> bytes:
        """The document, in ASCII only: a detail may quote what cannot be encoded."""
        status, title = TABLE[self.code]
        document = {"type": TYPE_PREFIX + self.code, "title": title, "status": status, "detail": self.detail}
        return json.dumps({**document, **self.extra}).encode("ascii")


async def on_problem(_: Request, error: Exception) -> Response:
    """Answers a `Problem`."""
    assert isinstance(error, Problem)  # noqa: S101  # registered for this class
    return error.response()


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answers what Starlette's routing raises."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class
    if error.status_code == 405:  # noqa: PLR2004  # Method Not Allowed
        return Problem("method", f"{request.method} is none of its methods", error.headers).response()
    return Problem("not-found", "the address is unknown; / lists those that there are").response()


async def on_bug(request: Request, error: Exception) -> Response:
    """Answers what should not happen; Starlette logs the trace."""
    return bug(request.scope, error).response()


def bug(scope: Mapping[str, Any], error: Exception) -> Problem:
    """What the sender of a request is told of a fault of ours; the log has its kind and where."""
    # The route, not the path, in which a provider's token may stand.
    route = getattr(scope.get("route"), "path", None)
    log.error("a request could not be answered", route=route, kind=type(error).__name__)
    return Problem("bug", "the request was not at fault; our log has the reason")
