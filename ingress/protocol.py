"""HTTP within bounds, before the application hears of a request: size and number of headers, patience, connections.

uvicorn bounds none of them: a header that never ends would fill the memory, one that never comes would hold its
connection for ever. What it answers by itself is answered here as a problem (RFC 9457), like everything else.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from ingress.flow import Flow
from ingress.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, Problem
from ingress.settings import IngressSettings
from ingress.whole import AtOnce, Head, Json

MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 32 * 1024
"""Names and values of all headers together."""
MAX_ADDRESS_BYTES: Final = 8 * 1024
MAX_PIPELINED: Final = 1000
"""Requests that wait on one connection for those before them."""
UNREAD_SECONDS: Final = 30.0
"""For so long a client may leave an answer unread that does not fit into the buffers of the connection."""
_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 414: "URI Too Long", 431: "Too Large"}


class _RefusedError(Exception):
    """Ends the parsing of a head; why is in the protocol."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Args:
        head_seconds: how long a head may take to arrive.
        max_connections: more at once are turned away, and so are more requests at once.
        head: shared by all connections.
    """

    def __init__(self, *args: Any, head_seconds: float, max_connections: int, head: Head, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head = head
        self._head_seconds, self._max_connections = head_seconds, max_connections
        self._application: Any = self.app
        self._at_once: AtOnce | None = self._application if isinstance(self._application, AtOnce) else None
        self._due: RequestResponseCycle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: Problem | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self._unread_timer: asyncio.TimerHandle | None = None
        self._in_head = self._ended = False
        self._unfinished = 0
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Let it in, unless too many are."""
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        if len(self.connections) > self._max_connections:
            self._refuse(_too_many())
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._stop_timer()
        for timer in (self._idle_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self.pipeline.clear()  # they lead back here, and nobody hears their answers

    def data_received(self, data: bytes) -> None:
        """Part of a head or body; what is no whole head yet is counted, for the parser keeps it.

        A head behind a request that is under way cannot be refused, for it is not its turn: the connection ends.
        """
        if self.transport.is_closing():
            return
        self._ended = False
        super().data_received(data)
        if self._due is not None:
            self._begin()
        if not self._in_head or self.transport.is_closing():
            self._unfinished = 0
            return
        self._unfinished += 0 if self._ended else len(data)  # else most of it may be whole requests before the head
        if self._unfinished > MAX_HEAD_BYTES + MAX_ADDRESS_BYTES:
            self.transport.abort() if self._in_request() else self._refuse(_large_head())
        elif self._timer is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """A new head."""
        self._in_head, self._unfinished, self._head_bytes = True, 0, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the address."""
        super().on_url(url)
        if len(self.url) > MAX_ADDRESS_BYTES:
            self._give_up(Problem("long-address", f"it has more than {MAX_ADDRESS_BYTES} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or what follows a body in its place; kept as uvicorn does, without a second call for each."""
        self._head_bytes += len(name) + len(value)
        if len(self.headers) >= MAX_HEADERS or self._head_bytes > MAX_HEAD_BYTES:
            self._give_up(_large_head())
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The application's turn."""
        self._in_head = False
        self._stop_timer()
        self.app = _turn_away if len(self.tasks) >= self._max_connections else self._application
        super().on_headers_complete()
        if len(self.pipeline) > MAX_PIPELINED:
            self.transport.abort()
            self._give_up(Problem("not-http", "too many requests were sent before their turn"))

    def on_response_complete(self) -> None:
        """An answer was sent: the next request may have been waiting for it, or the connection is idle.

        As uvicorn has it, but for the timer of idle connections, which here is not made anew at every request.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.pipeline:
            turn = self.pipeline.pop()
            self.flow.resume_reading()
            self._start_asgi_task(*turn)
            if self._due is not None:  # in a turn of its own: thousands that were sent at once are no recursion
                self.loop.call_soon(self._begin)
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._on_idle)

    def pause_writing(self) -> None:
        """The client does not read; nor is it waited for without end."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It does again."""
        if self._unread_timer is not None:
            self._unread_timer.cancel()
        super().resume_writing()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._ended = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or beyond a limit.

        A request that is whole before it gets its own answer: it may have been accepted.
        """
        self._in_head = False
        if self.transport.is_closing():
            return
        if self._in_request() and not self.cycle.more_body:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        problem = self._refusal or Problem("not-http", msg)
        if self.pipeline and self.pipeline[0][0] is self.cycle:  # the broken one waits for its turn
            self.cycle.keep_alive = self.cycle.more_body = False
            refusal: Any = problem.response()
            self.pipeline[0] = (self.cycle, refusal)
            self.flow.pause_reading()
            return
        self._refuse(problem)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Uvicorn's call when it is a request's turn, its head being here: what was received with it is read first."""
        if self._at_once is None or app is not self._application:
            super()._start_asgi_task(cycle, app)
        else:
            self._due = cycle

    def _begin(self) -> None:
        """A request whose turn it is: at once if it is whole, else by ASGI, which waits for the rest."""
        cycle, self._due = self._due, None
        if cycle is None:
            return
        at_once = self._at_once
        if at_once is None or cycle.more_body or cycle.disconnected or not at_once.takes(cycle.scope):
            super()._start_asgi_task(cycle, self._application)
            return
        body, cycle.body = bytes(cycle.body), bytearray()  # handed over: nobody keeps it twice
        at_once.take_at_once(cycle.scope, body, partial(self._respond, cycle))

    def _respond(self, cycle: RequestResponseCycle, answer: Any) -> None:
        """Send an answer in one piece; uvicorn's way knows connections that end, and clients that do not read."""
        if cycle.disconnected or self.transport.is_closing():
            cycle.on_response = _nothing
            return
        lines = self._head.lines(self.server_state.default_headers)
        if not isinstance(answer, Json) or lines is None or not cycle.keep_alive or self.flow.write_paused:
            super()._start_asgi_task(cycle, answer)
            return
        self.transport.write(b"".join((STATUS_LINE[answer.status], lines, answer.wire())))
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()
        cycle.on_response = _nothing  # it leads back here: such a ring would wait for the collector of garbage

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
        if self.transport.is_closing():
            return
        if self._in_request():
            self._await_head()  # its rest may be held back until then
        elif self._in_head:
            self._refuse(Problem("slow", f"the head was not there within {self._head_seconds:g} s"))
        else:
            self.transport.close()  # it never began to ask

    def _on_idle(self) -> None:
        """Hang up if nothing came since; what is under way, or has begun to come, has a timer of its own."""
        self._idle_timer = None
        if self.transport.is_closing() or self._in_request() or self._in_head:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle_timer = self.loop.call_later(left, self._on_idle)
        else:
            self.transport.close()

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
        BoundedProtocol,
        head_seconds=settings.head_timeout_seconds,
        max_connections=settings.max_connections,
        head=Head(),
    )


def _nothing() -> None:
    """Nothing is left to do."""


async def _turn_away(scope: Any, receive: Any, send: Any) -> None:
    problem = _too_many()
    problem.headers["connection"] = "close"
    await problem.response()(scope, receive, send)


def _too_many() -> Problem:
    return Problem("connections", "send it again a little later")


def _large_head() -> Problem:
    return Problem("headers", f"at most {MAX_HEADERS} headers with {MAX_HEAD_BYTES} bytes in all are taken")
