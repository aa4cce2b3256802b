"""Webhooks: verified on their raw bytes, read into changes, published, and only then answered with 2xx."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from db.errors import DatabaseError
from db.webhook_letters import WebhookLetter, WebhookLetters
from ingress.aliases import Aliases
from ingress.body import parse_json, read_body
from ingress.lookup import Lookup
from ingress.metrics import Metrics
from ingress.problems import Problem
from ingress.providers import Found, Skipped
from ingress.providers.original import TAKEN
from ingress.publisher import NotAcknowledgedError, Publisher
from ingress.rates import Rates
from ingress.settings import IngressSettings
from ingress.signatures import SignatureError
from ingress.signatures.tokens import PATH_PARAMETER
from ingress.sources import EXAMPLE, Source, Sources
from ingress.whole import Json
from schemas.events import InvalidChangeError, PersonChange

if TYPE_CHECKING:
    from schemas.hints import PersonHint

log = structlog.get_logger()

Answer = tuple[str, Response | Json]
"""What became of a webhook, as the metrics name it, and what its sender is told."""

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, section 3.2: no version ff, no ids of zeros only."""


@dataclass(slots=True)
class Webhooks:
    """The endpoint of all sources.

    Attributes:
        sources: replaced as a whole when they are read again; a request keeps those that it began with.
        clock: ms UTC.
        rates: how often each source may send.
    """

    settings: IngressSettings
    sources: Sources
    publisher: Publisher
    lookup: Lookup
    aliases: Aliases
    letters: WebhookLetters
    metrics: Metrics
    clock: Callable[[], int]
    rates: Rates
    _open: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.metrics.open.set_function(lambda: self._open)

    async def document(self, request: Request) -> Response:
        """Documents the webhook, and answers providers' questions for proof."""
        source = self._source(request.path_params)
        return JSONResponse(self._challenged(source, request) or self._document(source, request))

    async def take(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a webhook, as an ASGI application; the scope has the route's path parameters."""
        try:
            source = self._source(scope["path_params"])
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        began = time.perf_counter()
        self._open += 1
        try:
            answer, response = await self._answer(source, scope, receive)
        except Problem as problem:
            answer, response = problem.code, problem.response()
        except ClientDisconnect:
            answer, response = "disconnected", Response(status_code=400)  # nobody is there to read it
        finally:
            self._open -= 1
        self.metrics.answer(source.name, answer).inc()
        self.metrics.seconds.observe(time.perf_counter() - began)
        await response(scope, receive, send)

    def _source(self, path: Mapping[str, str]) -> Source:
        name = path.get("source")
        source = self.sources.original if name is None else self.sources.named.get(name)
        if source is None or (PATH_PARAMETER in path and not source.path_token):
            raise Problem("unknown-source", "sources are configured by those who run this server")
        return source

    async def _answer(self, source: Source, scope: Scope, receive: Receive) -> Answer:
        if self._open > self.settings.max_open_requests:  # it bounds the memory of their bodies
            raise Problem("busy", f"{self._open - 1} webhooks are being taken; send it again a little later")
        body = await read_body(scope, receive, self.settings.max_body_bytes, self.settings.body_timeout_seconds)
        now = self.clock()
        self._verify(source, scope, body, now)
        self.rates.take(source.name)  # after the signature: a stranger must not use up what the source may send
        payload: Any = None
        try:
            payload = parse_json(body)
            found = self._read(source, payload, now)
        except Problem as problem:
            if not source.keeps_unreadable:
                raise
            answer, response = await self._keep(source, body, problem, now)
        else:
            answer, response = await self._become(found, scope)
        if source.success is not None:
            response = source.success.response(payload, now)
        return answer, response

    async def _become(self, found: list[PersonChange] | Found | Skipped, scope: Scope) -> Answer:
        """What becomes of an authentic payload, and how we say so ourselves."""
        if isinstance(found, Skipped):
            return "skipped", JSONResponse({"status": "skipped", "reason": found.reason})
        said, hints = (found.changes, found.hints) if isinstance(found, Found) else (found, ())
        changes = await self._ours(said)
        records: list[PersonChange | PersonHint] = [*changes, *hints]
        event_id = records[0].event_id
        # What became of a hint is known by company only: it is published again, and its changes are duplicates.
        if not hints and await self.lookup.all_known(changes):
            return "already_processed", _told("already_processed", event_id, 200)
        try:
            await self.publisher.publish(records, _traceparent(scope))
        except NotAcknowledgedError as error:
            log.warning("a change could not be stored; its sender was asked to send it again", why=str(error))
            raise Problem("not-acknowledged", f"{error}; send it again") from None
        return "enqueued", _told("enqueued", event_id, 202)

    def _verify(self, source: Source, scope: Scope, body: bytes, now: int) -> None:
        try:
            secret = source.verifier.verify(dict(scope["headers"]), body, now, scope)
        except SignatureError as error:
            self.metrics.refused.labels(source.name, error.reason).inc()
            raise Problem("signature", error.detail, reason=error.reason) from None
        self.metrics.proof(source.name, secret).inc()

    def _read(self, source: Source, payload: Any, now: int) -> list[PersonChange] | Found | Skipped:
        try:
            return source.read(payload, now, source.given)
        except InvalidChangeError as error:
            raise Problem("invalid-change", str(error), field=error.field, reason=error.reason) from None

    async def _ours(self, changes: Sequence[PersonChange]) -> Sequence[PersonChange]:
        try:
            return await self.aliases.ours(changes)
        except DatabaseError:
            raise Problem("database", "it is not known which company is meant; send it again a little later") from None

    async def _keep(self, source: Source, body: bytes, problem: Problem, now: int) -> Answer:
        """Keep what is authentic and cannot be read, for a sender to whom a refusal would be a reason to stop."""
        field, reason = problem.extra.get("field", "body"), problem.extra.get("reason", problem.detail)
        try:
            await self.letters.keep(WebhookLetter(source.name, body, field, reason, now))
        except DatabaseError:
            raise Problem("database", "the webhook could not be kept; send it again a little later") from None
        log.warning("a webhook could not be read and was kept", source=source.name, field=field, why=reason)
        return "kept", JSONResponse({"status": "kept", "reason": problem.detail})

    def _challenged(self, source: Source, request: Request) -> Mapping[str, Any] | None:
        """The answer to a provider's question for proof; it needs neither broker nor database."""
        if source.challenge is None or (answer := source.challenge.answer(request.query_params, self.clock())) is None:
            return None
        self.metrics.answers.labels(source.name, "challenged").inc()
        return answer

    def _document(self, source: Source, request: Request) -> dict[str, Any]:
        path = request.url.path
        if PATH_PARAMETER in request.path_params:
            path = path.rpartition("/")[0] + "/{token}"
        return {
            "name": "person-change webhook",
            "description": "Tells that somebody was promoted, joined or left; the company's buyer group follows.",
            "method": "POST",
            "path": path,
            "contentType": "application/json",
            "maxBodyBytes": self.settings.max_body_bytes,
            "signature": source.verifier.describe(),
            "types": sorted(TAKEN),
            "example": dict(EXAMPLE),
            "answers": _ANSWERS,
        }


def _told(status: str, event_id: str, code: int) -> Json:
    return Json(code, f'{{"status":"{status}","eventId":{json.dumps(event_id)}}}')


def _traceparent(scope: Scope) -> str | None:
    """The sender's trace context, if it is one."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text if _TRACEPARENT.fullmatch(text) else None
    return None


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
