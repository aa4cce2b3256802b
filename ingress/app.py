"""The ASGI application: what is where, put together from its parts."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from db.aliases import KnownAliases
from db.idempotency import IdempotencyKeys
from db.reads import Reads
from db.tokens import Tokens
from db.webhook_letters import WebhookLetters
from ingress.aliases import Aliases
from ingress.api import Api
from ingress.api_docs import Docs
from ingress.api_refresh import Refreshes
from ingress.api_tokens import Gate
from ingress.lookup import Lookup
from ingress.metrics import Metrics
from ingress.probes import Probes
from ingress.problems import Problem, on_bug, on_http_exception, on_problem
from ingress.publisher import Publisher
from ingress.rates import Rates
from ingress.reload import announce, reload_sources
from ingress.settings import IngressSettings
from ingress.signatures.tokens import PATH_PARAMETER
from ingress.sources import sources_from
from ingress.webhooks import Webhooks

WEBHOOK: Final = "/api/webhooks/person-change"
GROUP: Final = "/api/v1/intelligence/buyer-group"
REFRESH: Final = GROUP + "/refresh"
ROLE: Final = GROUP + "/role"
EVENT: Final = "/api/v1/events/{source}/{event_id}"
LEASE_SECONDS: Final = 5.0
"""A request with an Idempotency-Key that takes so much longer than the broker may take has died."""
ADDRESSES: Final = {
    WEBHOOK: "GET documents the webhook, POST takes one",
    GROUP + "/{company_id}": "a company's buyer group; needs a token with scope read",
    GROUP + "/{company_id}/history": "what its versions changed; needs a token with scope read",
    REFRESH: "POST asks for a refresh; needs a token with scope refresh",
    ROLE: "POST sets the role of a person; needs a token with scope refresh",
    EVENT: "what became of a change; needs a token with scope read",
    "/docs": "this API for people",
    "/openapi.json": "this API for programs, OpenAPI 3.1",
    "/healthz": "liveness",
    "/readyz": "readiness",
    "/metrics": "Prometheus",
}


def wall_clock() -> int:
    """Ms UTC."""
    return time.time_ns() // 1_000_000


class Application(Starlette):
    """Starlette's, but for posted webhooks: they match its routes, and pass by its middleware.

    That middleware costs half as much as all that is done with a webhook.

    A server that knows `ingress.whole.AtOnce` leaves ASGI out as well.

    Args:
        webhooks: take posted webhooks.
        hooks: the routes of webhooks.
        **others: Starlette's own.
    """

    def __init__(self, webhooks: Webhooks, hooks: Sequence[Route], **others: Any) -> None:
        super().__init__(**others)
        self._hooks, self.take_at_once = hooks, webhooks.take_at_once
        self._plain = {hook.path: hook for hook in hooks if not hook.param_convertors}
        self._take = webhooks.take

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if self.takes(scope):
            await self._take(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def takes(self, scope: Scope) -> bool:
        """Whether a webhook is posted; then the scope has the route's parameters."""
        if scope["type"] == "http" and scope["method"] == "POST":
            if (plain := self._plain.get(scope["path"])) is not None:
                scope["route"], scope["path_params"] = plain, {}
                return True
            for route in self._hooks:
                if found := route.path_regex.match(scope["path"]):
                    scope["route"], scope["path_params"] = route, found.groupdict()
                    return True
        return False


def create_app(settings: IngressSettings, clock: Callable[[], int] = wall_clock) -> Starlette:
    """The application; its lifespan opens and closes the producer and the database pool.

    Args:
        settings: all that it needs to know.
        clock: ms UTC; what signatures are held against, and the time of receipt.

    Returns:
        The application; `state.reload_sources` reads its sources again.

    Raises:
        SourcesError: the sources cannot be used.
    """
    metrics = Metrics()
    publisher = Publisher(settings, metrics.records.inc, metrics.producers_replaced.inc)
    reads = Reads(settings.database_url.get_secret_value())
    lookup = Lookup(reads.known_events, settings.lookup_timeout_seconds, metrics.lookups_failed.inc)
    aliases, letters = Aliases(KnownAliases(reads.pool).known), WebhookLetters(reads.pool)
    rates = Rates(settings.source_requests_per_second)
    webhooks = Webhooks(settings, sources_from(settings), publisher, lookup, aliases, letters, metrics, clock, rates)
    announce(webhooks.sources, metrics)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    gate = Gate(Tokens(reads.pool).find, token, Rates(settings.api_requests_per_second))
    api = Api(reads, gate, clock)
    keys = IdempotencyKeys(reads.pool, settings.publish_timeout_seconds + LEASE_SECONDS)
    refreshes = Refreshes(gate, keys, publisher, clock)
    docs = Docs()
    probes = Probes(publisher.check, metrics, ADDRESSES)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(reads)
            await stack.enter_async_context(publisher)
            yield
            probes.stopping = True

    hooks = [
        Route(path, webhooks.document, methods=["GET", "POST"])
        for path in (WEBHOOK, WEBHOOK + "/{source}", WEBHOOK + "/{source}/{" + PATH_PARAMETER + "}")
    ]
    routes = [
        *hooks,
        Route(REFRESH, refreshes.take, methods=["POST"]),
        Route(ROLE, refreshes.take_role, methods=["POST"]),
        Route(GROUP + "/{company_id:path}/history", api.history),
        Route(GROUP + "/{company_id:path}", api.group),
        Route("/api/v1/events/{source}/{event_id:path}", api.event),
        Route("/openapi.json", docs.openapi),
        Route("/docs", docs.page),
        Route("/healthz", probes.live),
        Route("/readyz", probes.ready),
        Route("/metrics", probes.measured),
        Route("/", probes.index),
    ]
    handlers = {Problem: on_problem, HTTPException: on_http_exception, Exception: on_bug}
    app = Application(webhooks, hooks, routes=routes, exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False  # a redirect would lose the body of a POST
    app.state.reload_sources = lambda: reload_sources(settings, webhooks)
    app.state.metrics, app.state.probes = metrics, probes
    return app
