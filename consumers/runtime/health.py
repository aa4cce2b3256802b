"""Liveness, readiness and metrics of a consumer, over HTTP."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Check = Callable[[], str | None]
"""None when all is well, else the reason in one sentence."""
_REQUEST_TIMEOUT_S: Final = 5


class HealthServer:
    """Serves `/healthz`, `/readyz` and `/metrics` from a thread of its own until closed.

    Args:
        live: why the process should be restarted, if it should.
        ready: why it is not doing its work, if it is not.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, host: str, port: int, live: Check, ready: Check, registry: CollectorRegistry) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(live, ready, registry))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_address[1]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(live: Check, ready: Check, registry: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_TIMEOUT_S

        def do_GET(self) -> None:  # the name that http.server calls
            match self.path.partition("?")[0]:
                case "/healthz":
                    self._check(live())
                case "/readyz":
                    self._check(ready())
                case "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                case _:
                    self._answer(404, "text/plain; charset=utf-8", b"here are /healthz, /readyz and /metrics\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that http.server has
            """Probes are not worth a line each."""

        def _check(self, trouble: str | None) -> None:
            status, text = (200, "ok") if trouble is None else (503, trouble)
            self._answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
