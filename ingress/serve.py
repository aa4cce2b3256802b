"""One ingress process: listens, serves, stops in order."""

import asyncio
import gc
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import Any, Final

import structlog
import uvicorn
from prometheus_client import start_http_server
from starlette.applications import Starlette

from ingress.app import create_app
from ingress.protocol import bounded_protocol
from ingress.settings import IngressSettings
from ingress.source_file import SourcesError
from schemas.signals import Requests

log = structlog.get_logger()

BACKLOG: Final = 2048
LOOK_SECONDS: Final = 0.05
COLLECT_AFTER: Final = 10_000
"""New values that are more than those that went; Python's own figure is 700."""


def run_ingress(settings: IngressSettings, *, shared_port: bool = False) -> int:
    """Serve until SIGINT or SIGTERM: then nothing new is taken, and what is under way is answered.

    Args:
        settings: all that it needs to know.
        shared_port: let other processes of this user listen on the same port; the kernel shares the connections out.

    Returns:
        The exit code: 0 after an orderly stop, 1 when it cannot listen or start, 2 when the sources cannot be used; the
        log says why.
    """
    try:
        app = create_app(settings)
    except SourcesError as error:
        log.error("the sources cannot be used", why=str(error))  # noqa: TRY400  # no bug
        return 2
    try:
        listener = listen(settings, shared_port=shared_port)
    except OSError as error:
        say_cannot_listen(settings, error)
        return 1
    with closing(listener):
        return _serve(app, settings, listener)


def _serve(app: Starlette, settings: IngressSettings, listener: socket.socket) -> int:
    """Serve on a socket; returns the exit code."""
    try:
        _serve_metrics(app, settings)
    except OSError as error:
        say_cannot_listen(settings, error)
        return 1
    server = _Server(_config(app, settings), app, settings.drain_seconds)
    _collect_rarely()
    with _quiet_signals():
        log.info("ingress listens", address="{}:{}".format(*listener.getsockname()[:2]))
        server.run(sockets=[listener])
    if not server.started:
        log.error("ingress did not start")
        return 1
    log.info("ingress has stopped")
    return 0


def _collect_rarely() -> None:
    """A webhook is a hundred values without a cycle: looking for one among them took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 10)


def listen(settings: IngressSettings, *, shared_port: bool = False) -> socket.socket:
    """The socket that the settings name, listening.

    Raises:
        OSError: somebody else has it, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in settings.ingress_host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((settings.ingress_host, settings.ingress_port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def say_cannot_listen(settings: IngressSettings, error: OSError) -> None:
    """Log which address, why, and which settings name it."""
    where = f"{settings.ingress_host}:{settings.ingress_port}"
    if settings.ingress_metrics_port:
        where += f", metrics on {settings.ingress_metrics_port}"
    why = error.strerror or str(error)
    log.error("ingress cannot listen", address=where, why=why, setting="INGRESS_HOST, INGRESS_PORT")


class _Server(uvicorn.Server):
    """Uvicorn's, which reads the sources again on SIGHUP, and serves on for a while before it stops.

    Args:
        config: uvicorn's.
        app: ours, which knows how to read its sources and how to be not ready.
        drain_seconds: how long it serves on; a second signal ends that.
    """

    def __init__(self, config: uvicorn.Config, app: Starlette, drain_seconds: float) -> None:
        super().__init__(config)
        self._app, self._drain_seconds = app, drain_seconds
        self._requests, self._hurry = Requests(), False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen for SIGHUP before anybody is served.

        The event loop reads the sources between two steps of requests, so that no request meets half of the new ones.
        """
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._app.state.reload_sources)
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, or hurry; a copy of the first signal must not: uvicorn would leave open requests unanswered."""
        if self._requests.insists():
            self._hurry = True
        elif self.should_exit:
            return
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then stop as uvicorn does: take no connection, close the idle ones, answer what is under way."""
        self._app.state.probes.stopping = True
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._drain_seconds
        while not self._hurry and loop.time() < deadline:  # noqa: ASYNC110  # a signal handler sets no Event
            await asyncio.sleep(LOOK_SECONDS)
        await super().shutdown(sockets)


def _config(app: Starlette, settings: IngressSettings) -> uvicorn.Config:
    protocol: Any = bounded_protocol(settings)  # a factory serves as well as a class
    slowest = settings.body_timeout_seconds + settings.lookup_timeout_seconds + settings.publish_timeout_seconds
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        log_config=None,
        log_level="error",  # it warns of every malformed request, of which anybody can send any number
        access_log=False,  # a line a webhook would cost more than the webhook; /metrics counts them
        server_header=False,
        proxy_headers=False,  # what a client says of itself proves nothing; PUBLIC_URL says how senders reach us
        timeout_graceful_shutdown=round(slowest) + 1,
    )


def _serve_metrics(app: Starlette, settings: IngressSettings) -> None:
    if settings.ingress_metrics_port:
        start_http_server(settings.ingress_metrics_port, settings.ingress_host, app.state.metrics.registry)


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Uvicorn raises the signal again after its orderly stop, which would make that look like a death.

    A SIGHUP before the server listens for it is one too; the sources have just been read.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
