"""Webhooks: verified on their raw bytes, read into changes, published, and only then answered with 2xx."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from db.errors import DatabaseError
from db.webhook_letters import WebhookLetter, WebhookLetters
from ingress.aliases import Aliases
from ingress.body import check_head, check_size, parse_json, read_body
from ingress.lookup import Lookup
from ingress.metrics import Metrics
from ingress.problems import Problem, bug
from ingress.providers import Found, Skipped
from ingress.publisher import Publisher
from ingress.rates import Rates
from ingress.settings import IngressSettings
from ingress.signatures import SignatureError
from ingress.signatures.tokens import PATH_PARAMETER
from ingress.sources import Source, Sources
from ingress.taking import Taking
from ingress.webhook_document import documented
from ingress.whole import Json, Respond
from schemas.events import InvalidChangeError, PersonChange

if TYPE_CHECKING:
    from schemas.hints import PersonHint

log = structlog.get_logger()

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, section 3.2: no version ff, no ids of zeros only."""

_quoted: Final = json.JSONEncoder().encode
"""A text in JSON; `json.dumps` looks at each call what is wanted of it."""


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
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.metrics.open.set_function(lambda: self._open)

    async def document(self, request: Request) -> Response:
        """Documents the webhook, and answers providers' questions for proof."""
        source = self._source(request.path_params)
        return JSONResponse(self._challenged(source, request) or documented(source, request, self.settings))

    async def take(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes a webhook, as an ASGI application; the scope has the route's path parameters."""
        answer: asyncio.Future[ASGIApp] = asyncio.get_running_loop().create_future()
        taking = self._begin(scope, lambda response: None if answer.done() else answer.set_result(response))
        if taking is not None:
            try:
                body = await self._body(scope, receive)
            except Exception as error:  # noqa: BLE001  # each is answered
                self._fail(taking, error)
            else:
                self._guard(taking, self._judge, body)
        await (await answer)(scope, receive, send)

    def take_at_once(self, scope: Scope, body: bytes, respond: Respond) -> None:
        """The same for a body that is here; see `ingress.whole.AtOnce`."""
        taking = self._begin(scope, respond)
        if taking is not None:
            self._guard(taking, self._judge_whole, body)

    def _begin(self, scope: Scope, respond: Respond) -> Taking | None:
        """A webhook is under way from here to its answer; None when it was answered."""
        try:
            source = self._source(scope["path_params"])
        except Problem as problem:
            respond(problem.response())
            return None
        self._open += 1
        taking = Taking(source, scope, dict(scope["headers"]), time.perf_counter(), respond)
        if self._open > self.settings.max_open_requests:  # it bounds the memory of their bodies
            more = f"{self._open - 1} webhooks are being taken; send it again a little later"
            self._fail(taking, Problem("busy", more))
            return None
        return taking

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        return await read_body(scope, receive, self.settings.max_body_bytes, self.settings.body_timeout_seconds)

    def _guard(self, taking: Taking, step: Callable[[Taking, Any], None], value: Any) -> None:
        """One step of a webhook: what it raises is its answer."""
        try:
            step(taking, value)
        except Exception as error:  # noqa: BLE001  # each is answered
            self._fail(taking, error)

    def _fail(self, taking: Taking, error: Exception) -> None:
        match error:
            case Problem():
                problem = error
            case ClientDisconnect():
                self._finish(taking, "disconnected", Response(status_code=400))  # nobody is there to read it
                return
            case _:
                problem = bug(taking.scope, error)
                log.error("the trace of a fault of ours", exc_info=error)
        self._finish(taking, problem.code, problem.response())

    def _succeed(self, taking: Taking, answer: str, response: ASGIApp) -> None:
        """Answer what was taken, as its sender wants to be told."""
        if (success := taking.source.success) is not None:
            response = success.response(taking.payload, taking.now)
        self._finish(taking, answer, response)

    def _finish(self, taking: Taking, answer: str, response: ASGIApp) -> None:
        """Answer, once.

        Args:
            taking: the webhook.
            answer: what became of it, as the metrics name it.
            response: what its sender is told.
        """
        if taking.answered:
            return
        taking.answered = True
        self._open -= 1
        self.metrics.answers.count(taking.source.name, answer)
        self.metrics.seconds.observe(time.perf_counter() - taking.began)
        taking.respond(response)

    def _source(self, path: Mapping[str, str]) -> Source:
        name = path.get("source")
        source = self.sources.original if name is None else self.sources.named.get(name)
        if source is None or (PATH_PARAMETER in path and not source.path_token):
            raise Problem("unknown-source", "sources are configured by those who run this server")
        return source

    def _judge_whole(self, taking: Taking, body: bytes) -> None:
        """A body that came with its head: the limits of others hold for it as well."""
        check_head(taking.headers, self.settings.max_body_bytes)
        check_size(body, self.settings.max_body_bytes)
        self._judge(taking, body)

    def _judge(self, taking: Taking, body: bytes) -> None:
        """From a body to what it says, if it is authentic and can be read."""
        source = taking.source
        taking.now = now = self.clock()
        self._verify(taking, body)
        self.rates.take(source.name)  # after the signature: a stranger must not use up what the source may send
        try:
            taking.payload = parse_json(body)
            found = self._read(source, taking.payload, now)
        except Problem as problem:
            if not source.keeps_unreadable:
                raise
            self._later(taking, self._keep(taking, body, problem))
        else:
            self._become(taking, found)

    def _become(self, taking: Taking, found: list[PersonChange] | Found | Skipped) -> None:
        """What becomes of an authentic payload."""
        if isinstance(found, Skipped):
            self._succeed(taking, "skipped", JSONResponse({"status": "skipped", "reason": found.reason}))
            return
        changes, taking.hints = (found.changes, found.hints) if isinstance(found, Found) else (found, ())
        if self.aliases.concern(changes):
            self._later(taking, self._translate(taking, changes))
        else:
            self._look_up(taking, changes)

    def _look_up(self, taking: Taking, changes: Sequence[PersonChange]) -> None:
        """Ask whether this webhook had its effect before.

        What became of a hint is known by company only: it is published again, and its changes are duplicates.
        """
        taking.changes = changes
        if taking.hints:
            self._publish(taking, known=False)
        else:
            self.lookup.ask(changes, partial(self._guard, taking, self._publish))

    def _publish(self, taking: Taking, known: bool) -> None:
        """Publish what is not known; the answer is sent with the broker's."""
        if known:
            said = _told("already_processed", taking.changes[0].event_id, 200)
            self._succeed(taking, "already_processed", said)
            return
        records: list[PersonChange | PersonHint] = [*taking.changes, *taking.hints]
        told = partial(self._guard, taking, self._acknowledged)
        trace = _traceparent(taking.scope) if b"traceparent" in taking.headers else None
        self.publisher.append(records, told, trace)

    def _acknowledged(self, taking: Taking, why_not: str | None) -> None:
        if why_not is not None:
            log.warning("a change could not be stored; its sender was asked to send it again", why=why_not)
            raise Problem("not-acknowledged", f"{why_not}; send it again")
        first = taking.changes[0] if taking.changes else taking.hints[0]
        self._succeed(taking, "enqueued", _told("enqueued", first.event_id, 202))

    def _later(self, taking: Taking, work: Coroutine[None, None, None]) -> None:
        """Go on with a webhook in a task: it needs the database."""
        task = asyncio.create_task(self._finished(taking, work))
        self._tasks.add(task)  # the event loop alone would not keep it
        task.add_done_callback(self._tasks.discard)

    async def _finished(self, taking: Taking, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001  # each is answered
            self._fail(taking, error)

    async def _translate(self, taking: Taking, changes: Sequence[PersonChange]) -> None:
        try:
            ours = await self.aliases.ours(changes)
        except DatabaseError:
            raise Problem("database", "it is not known which company is meant; send it again a little later") from None
        self._look_up(taking, ours)

    async def _keep(self, taking: Taking, body: bytes, problem: Problem) -> None:
        """Keep what is authentic and cannot be read, for a sender to whom a refusal would be a reason to stop."""
        name = taking.source.name
        field, reason = problem.extra.get("field", "body"), problem.extra.get("reason", problem.detail)
        try:
            await self.letters.keep(WebhookLetter(name, body, field, reason, taking.now))
        except DatabaseError:
            raise Problem("database", "the webhook could not be kept; send it again a little later") from None
        log.warning("a webhook could not be read and was kept", source=name, field=field, why=reason)
        self._succeed(taking, "kept", JSONResponse({"status": "kept", "reason": problem.detail}))

    def _verify(self, taking: Taking, body: bytes) -> None:
        source = taking.source
        try:
            secret = source.verifier.verify(taking.headers, body, taking.now, taking.scope)
        except SignatureError as error:
            self.metrics.refused.labels(source.name, error.reason).inc()
            raise Problem("signature", error.detail, reason=error.reason) from None
        self.metrics.proven.count(source.name, secret)

    def _read(self, source: Source, payload: Any, now: int) -> list[PersonChange] | Found | Skipped:
        try:
            return source.read(payload, now, source.given)
        except InvalidChangeError as error:
            raise Problem("invalid-change", str(error), field=error.field, reason=error.reason) from None

    def _challenged(self, source: Source, request: Request) -> Mapping[str, Any] | None:
        """The answer to a provider's question for proof; it needs neither broker nor database."""
        if source.challenge is None or (answer := source.challenge.answer(request.query_params, self.clock())) is None:
            return None
        self.metrics.answers.count(source.name, "challenged")
        return answer


def _told(status: str, event_id: str, code: int) -> Json:
    return Json(code, f'{{"status":"{status}","eventId":{_quoted(event_id)}}}')


def _traceparent(scope: Scope) -> str | None:
    """The sender's trace context, if it is one."""
    for name, value in scope["headers"]:
        if name == b"traceparent":
            text: str = value.decode("latin-1")
            return text if _TRACEPARENT.fullmatch(text) else None
    return None
