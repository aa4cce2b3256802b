"""HTTP within bounds, before the application hears of a request: size and number of headers, patience, connections.

uvicorn bounds none of them: a header that never ends would fill the memory, one that never comes would hold its
connection for ever. What it answers by itself is answered here as a problem (RFC 9457), like everything else.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ingress.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from ingress.settings import IngressSettings
from ingress.whole import EXTENSION

MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 32 * 1024
"""Names and values of all headers together."""
MAX_ADDRESS_BYTES: Final = 8 * 1024
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 414: "URI Too Long", 431: "Too Large"}


class _RefusedError(Exception):
    """Ends the parsing of a head; why is in the protocol."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        head_seconds: how long a head may take to arrive.
        max_connections: more at once are turned away, and so are more requests at once.
    """

    def __init__(self, *args: Any, head_seconds: float, max_connections: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds, self._max_connections = head_seconds, max_connections
        self._application = self.app
        self._extensions: Any = {EXTENSION: self}
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None
        self._unfinished = 0
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Let it in, unless too many are."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            self._refuse(_too_many())
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_timer()
        super().connection_lost(exc)
        self._extensions.clear()  # it leads back here: such a ring would wait for the collector of garbage

    def data_received(self, data: bytes) -> None:
        """Part of a head or body; what is no whole head yet is counted, for the parser keeps it."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_request() or self.transport.is_closing():
            self._unfinished = 0
            return
        self._unfinished += len(data)
        if self._unfinished > MAX_HEAD_BYTES + MAX_ADDRESS_BYTES:
            self._refuse(_large_head())
        elif self._timer is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """A new head."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        super().on_url(url)
        if len(self.url) > MAX_ADDRESS_BYTES:
            self._give_up(Problem("long-address", f"it has more than {MAX_ADDRESS_BYTES} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or what follows a body in its place."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._head_bytes > MAX_HEAD_BYTES:
            self._give_up(_large_head())

    def on_headers_complete(self) -> None:
        """The application's turn."""
        self._stop_timer()
        self.app = _turn_away if len(self.tasks) >= self._max_connections else self._application
        self.scope["extensions"] = self._extensions
        super().on_headers_complete()

    def body(self, scope: Scope) -> bytes | None:
        """See `ingress.whole.Whole`; what uvicorn's `receive` would wait for."""
        cycle = self._cycle_of(scope)
        if cycle is None or cycle.more_body or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()  # handed over: nobody keeps it twice
        return body

    def answer(self, scope: Scope, status: int, fields: bytes, body: bytes) -> bool:
        """See `ingress.whole.Whole`; uvicorn's `send` also knows connections that end, and clients that do not read."""
        cycle = self._cycle_of(scope)
        if cycle is None or cycle.disconnected or not cycle.keep_alive or self.flow.write_paused:
            return False
        headers = cycle.default_headers
        if any(name == b"connection" for name, _ in headers):
            return False
        lines = [b"%b: %b\r\n" % header for header in headers]
        length = b"content-length: %d\r\n\r\n" % len(body)
        self.transport.write(b"".join([STATUS_LINE[status], *lines, fields, length, body]))
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        cycle.on_response()
        return True

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or beyond a limit.

        A request that is whole before it gets its own answer: it may have been accepted.
        """
        if self._in_request() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        self._refuse(self._refusal or Problem("not-http", msg))

    def _cycle_of(self, scope: Scope) -> RequestResponseCycle | None:
        """Uvicorn's state of a request, unless others were sent after it before it was answered.

        The scope must not hold that state, which holds the scope: such a ring would wait for the collector of garbage.
        """
        return self.cycle if self.cycle.scope is scope else None

    def _in_request(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self._head_seconds, self._on_late_head)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_late_head(self) -> None:
        self._timer = None
        if self.transport.is_closing() or self._in_request():
            return
        if self._unfinished:
            self._refuse(Problem("slow", f"the head was not there within {self._head_seconds:g} s"))
        else:
            self.transport.close()  # it never began to ask

    def _give_up(self, problem: Problem) -> None:
        self._refusal = problem
        raise _RefusedError(problem.detail)

    def _refuse(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        if self.transport.is_closing():
            return
        body = problem.body()
        wait = f"retry-after: {RETRY_AFTER_SECONDS}\r\n" if problem.code == "connections" else ""
        head = (
            f"HTTP/1.1 {problem.status} {_REASONS.get(problem.status, 'Service Unavailable')}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n{wait}connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def bounded_protocol(settings: IngressSettings) -> Callable[..., BoundedProtocol]:
    """What makes the protocol of each connection."""
    return partial(
        BoundedProtocol, head_seconds=settings.head_timeout_seconds, max_connections=settings.max_connections
    )


async def _turn_away(scope: Any, receive: Any, send: Any) -> None:
    problem = _too_many()
    problem.headers["connection"] = "close"
    await problem.response()(scope, receive, send)


def _too_many() -> Problem:
    return Problem("connections", "send it again a little later")


def _large_head() -> Problem:
    return Problem("headers", f"at most {MAX_HEADERS} headers with {MAX_HEAD_BYTES} bytes in all are taken")
