"""While one request is under way, what comes behind it on the connection is bounded like everything else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from ingress.protocol import MAX_ADDRESS_BYTES, MAX_HEAD_BYTES, bounded_protocol
from ingress.settings import IngressSettings

PATIENCE_S = 30.0
GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
PIECE = b"a" * 65_536


@contextlib.asynccontextmanager
async def _served(app: Any, **settings: Any) -> AsyncIterator[tuple[str, int]]:
    """Where an application is served."""
    config, state = Config(app, lifespan="off", proxy_headers=False), ServerState()
    config.load()
    known = IngressSettings.model_validate({"webhook_secret": "a secret that proves nothing", **settings})
    make = bounded_protocol(known)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: make(config=config, server_state=state, app_state={}), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


async def _pour(writer: asyncio.StreamWriter) -> None:
    """40 MiB, as fast as they are taken."""
    for _ in range(640):
        writer.write(PIECE)
        await writer.drain()


def _run(scene: Callable[[], Awaitable[None]]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await scene()

    asyncio.run(in_time())


async def _unanswering(_: Any, receive: Any, __: Any) -> None:
    """Waits until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _plain(_: Any, __: Any, send: Any) -> None:
    """Answers before it has seen the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_a_head_without_an_end_behind_a_request_is_cut_off() -> None:
    """Its bytes are counted although the answer before it is still to come."""

    async def scene() -> None:
        async with _served(_unanswering) as address:
            _, writer = await asyncio.open_connection(*address)
            writer.write(GET + b"GET / HTTP/1.1\r\nx-endless: ")
            with pytest.raises(ConnectionError):
                await _pour(writer)

    _run(scene)


def test_a_head_that_does_not_come_behind_a_request_is_waited_for_no_longer_than_another() -> None:
    """Its time is over once the answer before it is there."""
    go = asyncio.Event()

    async def later(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        await _plain(scope, receive, send)

    async def scene() -> None:
        async with _served(later, head_timeout_seconds=0.2) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(GET + b"GET / HTTP/1.1\r\nx: ")
            await asyncio.sleep(0.5)
            go.set()
            answers = await reader.read()
            assert answers.startswith(b"HTTP/1.1 200 ")
            assert b"okHTTP/1.1 408 " in answers
            writer.close()

    _run(scene)


@pytest.mark.parametrize("size", [6_000, MAX_HEAD_BYTES + MAX_ADDRESS_BYTES + 20_000])
def test_a_body_behind_its_answer_is_no_head(size: int) -> None:
    """It is passed over, however large and slow, and the next request is answered; nothing else is said."""

    async def scene() -> None:
        async with _served(_plain, head_timeout_seconds=0.2) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % size)
            await reader.readuntil(b"ok")
            writer.write(b"a" * (size - 1))
            await asyncio.sleep(0.5)
            writer.write(b"a" + GET.replace(b"host", b"connection: close\r\nhost"))
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()

    _run(scene)


def test_many_requests_at_once_are_no_long_head() -> None:
    """What is counted is the head at their end, of which the last read may have had a part only."""
    count = 300
    filled = GET.replace(b"host", b"x: " + b"y" * 500 + b"\r\nhost")

    async def scene() -> None:
        async with _served(_plain) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(filled * count + filled[:-3])
            await asyncio.sleep(0.2)
            writer.write(filled[-3:] + GET.replace(b"host", b"connection: close\r\nhost"))
            assert (await reader.read()).count(b"HTTP/1.1 200 ") == count + 2
            writer.close()

    _run(scene)


def test_who_does_not_read_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer and its connection are not kept for ever."""
    monkeypatch.setattr("ingress.protocol.UNREAD_SECONDS", 0.2)
    ended = asyncio.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        gone = asyncio.create_task(_unanswering(scope, receive, send))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async def scene() -> None:
        async with _served(endless) as address:
            _, writer = await asyncio.open_connection(*address)
            writer.write(GET)
            await ended.wait()
            writer.close()

    _run(scene)


def test_requests_without_end_before_their_turn_are_cut_off() -> None:
    """Each of the smallest would cost a hundred times its bytes."""

    async def scene() -> None:
        async with _served(_unanswering) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET / HTTP/1.1\r\n\r\n" * 10_000)
            with pytest.raises(ConnectionError):
                await reader.read()

    _run(scene)


def test_any_number_of_webhooks_is_read_bit_by_bit() -> None:
    """Of those that wait for their turn never more than one read brings are kept."""
    one = b"POST / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 250 + b"\r\ncontent-length: 100\r\n\r\n" + b"b" * 100
    count = 3000

    async def whole(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while len(body) < 100:
            body += (await receive())["body"]
        assert body == b"b" * 100
        await _plain(scope, receive, send)

    async def scene() -> None:
        async with _served(whole) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(one * count)
            for _ in range(count):
                assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
            writer.close()

    _run(scene)
