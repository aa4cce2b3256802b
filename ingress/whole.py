"""A shorter way between server and application, for requests whose body came with their head.

ASGI starts a task a request, hands the body over in a message that is waited for, and takes an answer in two, each of
which the server checks and sends to the kernel by itself. For a small webhook that costs as much as all that is done
with it. An application that is `AtOnce` is called as soon as the body is here, and answers by a call, then or later;
where the body is still arriving, or the application wants it so, ASGI's own way is taken.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol, runtime_checkable

from starlette.types import ASGIApp, Receive, Scope, Send

Respond = Callable[[ASGIApp], object]
"""Sends the answer to a request, once."""

_FIELDS: Final = b"content-type: application/json\r\ncontent-length: "


@runtime_checkable
class AtOnce(Protocol):
    """What an application offers besides ASGI."""

    def takes(self, scope: Any) -> bool:
        """Whether it takes this request at once; the scope is then ready for it."""

    def take_at_once(self, scope: Any, body: bytes, respond: Respond) -> None:
        """Take a request with its whole body; raises nothing."""


class Json:
    """An answer in JSON, as an ASGI application.

    Attributes:
        status: of HTTP.
        document: the JSON.
    """

    __slots__ = ("document", "status")

    def __init__(self, status: int, document: str) -> None:
        self.status, self.document = status, document.encode()

    def wire(self) -> bytes:
        """What stands behind the status line and the server's own headers."""
        return b"%b%d\r\n\r\n%b" % (_FIELDS, len(self.document), self.document)

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it."""
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.document))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.document})


class Head:
    """What begins every answer, as it goes over the wire; the server changes it once a second."""

    __slots__ = ("_headers", "_lines")

    def __init__(self) -> None:
        self._headers: list[tuple[bytes, bytes]] | None = None
        self._lines: bytes | None = None

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes | None:
        """The server's own headers; None when they say that connections end."""
        if headers is not self._headers:
            ends = any(name == b"connection" for name, _ in headers)
            self._headers, self._lines = headers, None if ends else b"".join(b"%b: %b\r\n" % one for one in headers)
        return self._lines
