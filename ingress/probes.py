"""Liveness, readiness, metrics and the list of addresses."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ingress.metrics import Metrics

READY_SECONDS: Final = 1.0
"""How long an answer about readiness is good for: probes must not become load on the broker."""


@dataclass(slots=True)
class Probes:
    """Answers those who run this server.

    Attributes:
        check: why changes cannot be published now, if they cannot.
        addresses: what is where, for `/`.
        stopping: set when the server stops, so that nobody sends it more.
    """

    check: Callable[[], Awaitable[str | None]]
    metrics: Metrics
    addresses: dict[str, str]
    stopping: bool = False
    _trouble: str | None = None
    _good_until: float = field(default=-1.0)

    async def live(self, _: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """Webhooks can be stored now."""
        if self.stopping:
            return PlainTextResponse("stopping\n", 503)
        if time.monotonic() > self._good_until:
            self._trouble = await self.check()
            self._good_until = time.monotonic() + READY_SECONDS
        return PlainTextResponse("ok\n") if self._trouble is None else PlainTextResponse(f"{self._trouble}\n", 503)

    async def measured(self, _: Request) -> Response:
        """Prometheus' text format."""
        return Response(generate_latest(self.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def index(self, _: Request) -> Response:
        """What is where."""
        return JSONResponse({"name": "person-changes", "addresses": self.addresses})
