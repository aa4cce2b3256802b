"""The limit of an HTTP server here: a route that reads its body and answers, under ingress's own uvicorn settings.

`python -m bench.bare` takes the settings of `person-changes ingress`, and serves with the same function: only the
application is another one.
"""

import sys
from typing import Final
from unittest.mock import patch

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ingress import serve
from ingress.app import WEBHOOK
from ingress.settings import IngressSettings

ANSWER: Final = {"status": "enqueued", "eventId": "evt_00000000"}
"""As long as ingress's own."""


async def take(request: Request) -> Response:
    """Read the body, and say so."""
    await request.body()
    return JSONResponse(ANSWER, 202)


async def ready(_: Request) -> Response:
    """Always."""
    return JSONResponse({})


def bare_app(_: IngressSettings) -> Starlette:
    """The application."""
    app = Starlette(routes=[Route(WEBHOOK, take, methods=["POST"]), Route("/readyz", ready)])
    app.state.reload_sources = lambda: None  # it has none
    return app


if __name__ == "__main__":
    with patch.object(serve, "create_app", bare_app):
        sys.exit(serve.run_ingress(IngressSettings()))
