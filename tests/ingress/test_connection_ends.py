"""Nothing of a connection that has ended waits for the collector of garbage, which runs rarely."""

import asyncio
import gc
import time
import weakref
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from ingress.protocol import BoundedProtocol, bounded_protocol
from ingress.settings import IngressSettings
from ingress.whole import Json, Respond

PATIENCE_S = 30.0


class _Whole:
    """Takes the body at once and answers without tasks of uvicorn's, as webhooks are answered."""

    def takes(self, _: Any) -> bool:
        """All."""
        return True

    def take_at_once(self, _: Any, body: bytes, respond: Respond) -> None:
        """See `ingress.whole.AtOnce`."""
        assert body == b"body"
        respond(Json(200, '"ok'))

    async def __call__(self, _: Any, __: Any, ___: Any) -> None:
        """Not called: every body comes with its head."""
        raise AssertionError


async def _plain(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # as an application is called
    """Answers as any application."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _connections(app: Any, sent: bytes, count: int) -> list["weakref.ref[BoundedProtocol]"]:
    """What is left of connections once they are closed and the loop has let go of them."""
    config, state = Config(app, lifespan="off", proxy_headers=False), ServerState()
    config.load()
    make = bounded_protocol(IngressSettings.model_validate({"webhook_secret": "a secret that proves nothing"}))
    made: list[weakref.ref[BoundedProtocol]] = []

    def connection() -> BoundedProtocol:
        one = make(config=config, server_state=state, app_state={})
        made.append(weakref.ref(one))
        return one

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    async with server:
        for _ in range(count):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()
        deadline = time.monotonic() + PATIENCE_S
        while any(one() is not None for one in made) and time.monotonic() < deadline:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)
        return [one for one in made if one() is not None]


@pytest.mark.parametrize("app", [_Whole(), _plain])
def test_a_connection_that_ended_is_gone_without_the_collector(app: Any) -> None:
    """Its parts lead to each other while it lives; dead ones would fill the memory until the next search."""
    sent = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
    gc.collect()
    gc.disable()
    try:
        left = asyncio.run(_connections(app, sent, 20))
    finally:
        gc.enable()

    assert left == []
