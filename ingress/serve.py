"""One ingress process: listens, serves, stops in order."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

import structlog
import uvicorn

from ingress.app import create_app
from ingress.settings import IngressSettings
from ingress.source_file import SourcesError

log = structlog.get_logger()

BACKLOG: Final = 2048


def run_ingress(settings: IngressSettings) -> int:
    """Serve until SIGINT or SIGTERM: then nothing new is taken, and what is under way is answered.

    Returns:
        The exit code: 0 after an orderly stop, 1 when it cannot listen or start, 2 when the sources cannot be used; the
        log says why.
    """
    where = f"{settings.ingress_host}:{settings.ingress_port}"
    try:
        listener = _listen(settings.ingress_host, settings.ingress_port)
    except OSError as error:
        why = error.strerror or str(error)
        log.error("ingress cannot listen", address=where, why=why, setting="INGRESS_HOST, INGRESS_PORT")  # noqa: TRY400
        return 1
    try:
        app = create_app(settings)
    except SourcesError as error:
        listener.close()
        log.error("the sources cannot be used", why=str(error))  # noqa: TRY400  # no bug
        return 2
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # a line a webhook would cost more than the webhook; /metrics counts them
        server_header=False,
        proxy_headers=False,  # what a client says of itself proves nothing; PUBLIC_URL says how senders reach us
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=round(settings.publish_timeout_seconds + settings.lookup_timeout_seconds) + 1,
    )
    server = _Server(config, app.state.reload_sources)
    with closing(listener), _quiet_signals():
        log.info("ingress listens", address="{}:{}".format(*listener.getsockname()[:2]))
        server.run(sockets=[listener])
    if not server.started:
        log.error("ingress did not start")
        return 1
    log.info("ingress has stopped")
    return 0


class _Server(uvicorn.Server):
    """Uvicorn's, which reads the sources again on SIGHUP.

    The event loop does so between two steps of requests, so that no request meets half of the new sources.
    """

    def __init__(self, config: uvicorn.Config, on_hangup: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_hangup = on_hangup

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen for the signal before anybody is served."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)
        await super().startup(sockets)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


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
