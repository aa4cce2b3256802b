"""The documentation of a webhook, for its sender: how to sign, what to send, what the answers mean."""

from typing import Any, Final

from starlette.requests import Request

from ingress.providers.original import TAKEN
from ingress.settings import IngressSettings
from ingress.signatures.tokens import PATH_PARAMETER
from ingress.sources import EXAMPLE, Source


def documented(source: Source, request: Request, settings: IngressSettings) -> dict[str, Any]:
    """The document of a source, as JSON."""
    path = request.url.path
    if PATH_PARAMETER in request.path_params:
        path = path.rpartition("/")[0] + "/{token}"
    return {
        "name": "person-change webhook",
        "description": "Tells that somebody was promoted, joined or left; the company's buyer group follows.",
        "method": "POST",
        "path": path,
        "contentType": "application/json",
        "maxBodyBytes": settings.max_body_bytes,
        "signature": source.verifier.describe(),
        "types": sorted(TAKEN),
        "example": dict(EXAMPLE),
        "answers": _ANSWERS,
    }


_ANSWERS: Final = {
    "202": '{"status":"enqueued","eventId":…}: stored on every replica; the buyer group follows within a second',
    "200": '"already_processed": it had its effect before; "skipped": it says nothing about a buyer group, and why; '
    '"kept": it could not be read and is kept for people, where a source is configured so',
    "400": "the body is not JSON",
    "401": "signature or timestamp missing, wrong, too old or too far ahead",
    "404": "no such source",
    "408": "the body did not arrive in time",
    "413": "the body is too large",
    "415": "the body is not declared as JSON",
    "422": "JSON, but no change: which field, and why",
    "429": "too many requests of this source; send it again after Retry-After seconds",
    "503": "not stored; send it again after Retry-After seconds",
}
