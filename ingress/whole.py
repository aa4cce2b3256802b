"""A shorter way between server and application: bodies that came with their head, answers made in one piece.

ASGI hands a body over in a message that is waited for, and takes an answer in two, each of which the server checks,
writes and sends to the kernel by itself. For a small webhook that costs half as much as all that is done with it. A
server that offers this extension has the body at hand, and sends an answer whole; where it does not, or cannot just
now, ASGI's own way is taken.
"""

from typing import Final, Protocol

from starlette.types import Receive, Scope, Send

EXTENSION: Final = "person_changes.whole"


class Whole(Protocol):
    """One connection, as the server holds it."""

    def body(self, scope: Scope) -> bytes | None:
        """Hand a request's whole body over, once; None while it is not here, and when the sender has gone."""

    def answer(self, scope: Scope, status: int, fields: bytes, body: bytes) -> bool:
        """Send the answer to a request.

        Args:
            scope: of the request.
            status: of HTTP.
            fields: its header as it goes over the wire, each line ended, without the length.
            body: all of it.

        Returns:
            Whether it was sent; if not, nothing of it was.
        """


def here(scope: Scope) -> bytes | None:
    """The body of a request, if it is here and whole."""
    whole: Whole | None = scope.get("extensions", _NONE).get(EXTENSION)
    return None if whole is None else whole.body(scope)


class Json:
    """An answer in JSON, as an ASGI application.

    Args:
        status: of HTTP.
        document: the JSON.
    """

    __slots__ = ("_document", "_status")

    def __init__(self, status: int, document: str) -> None:
        self._status, self._document = status, document.encode()

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Send it."""
        whole: Whole | None = scope.get("extensions", _NONE).get(EXTENSION)
        if whole is not None and whole.answer(scope, self._status, _FIELDS, self._document):
            return
        headers = [(b"content-length", b"%d" % len(self._document)), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._document})


_NONE: Final[dict[str, Whole]] = {}
_FIELDS: Final = b"content-type: application/json\r\n"
