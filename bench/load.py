"""The load generator, a process of its own: `python -m bench.load < order.json` prints what it saw as JSON.

Signatures and requests are made before the clock runs; each connection of an asyncio protocol on uvloop then has one
request under way at a time. An HTTP client library would cost more than the server under test.
"""

import asyncio
import hashlib
import hmac
import json
import sys
import time
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import cycle
from typing import Final

import uvloop

ACCEPTED: Final = 202
REQUESTS: Final = 20_000
"""Different requests; then they come again, which makes no difference while no consumer runs."""
CONNECT_SECONDS: Final = 10.0
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


@dataclass(frozen=True, slots=True)
class Order:
    """What to do.

    Attributes:
        secret: what the requests are signed with.
        warm_up: seconds before anything counts.
        seconds: how long it counts.
    """

    host: str
    port: int
    path: str
    secret: str
    connections: int
    warm_up: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it.

    Attributes:
        rate: answers a second.
        p50: median time from sending a request to having its answer, seconds.
        p99: the same, which 1 % exceed.
        refused: answers by status, other than 202, warm-up included.
        cpu: share of one core that the generator itself used; near 1, it is what was measured.
    """

    rate: float
    p50: float
    p99: float
    refused: dict[str, int]
    cpu: float


@dataclass(slots=True)
class Tally:
    """What all connections have seen since it was last emptied."""

    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[int] = field(default_factory=Counter)


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(self, requests: "cycle[bytes]", tally: Tally) -> None:
        self._requests, self._tally = requests, tally
        self._sent = 0.0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # of a TCP connection it is
        self._send()

    def data_received(self, data: bytes) -> None:
        """Part of an answer, mostly all of it."""
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(_END)
        if head < 0 or len(buffer) < head + len(_END) + _content_length(buffer):
            self._buffer = buffer
            return
        self._buffer = b""
        self._tally.latencies.append(time.perf_counter() - self._sent)
        self._tally.statuses[int(buffer[9:12])] += 1
        self._send()

    def connection_lost(self, _: Exception | None) -> None:
        """The server must not hang up; at the end, we do."""
        if not self._transport.is_closing():
            self._tally.statuses[0] += 1

    def close(self) -> None:
        """Hang up."""
        self._transport.abort()

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(next(self._requests))


def _content_length(buffer: bytes) -> int:
    start = buffer.find(_LENGTH) + len(_LENGTH)
    return int(buffer[start : buffer.find(b"\r", start)])


def signed_requests(order: Order, now_ms: int) -> list[bytes]:
    """The requests, whole: the original's payload with ids of their own, signed as of now."""
    return [_request(order, _body(number), now_ms) for number in range(REQUESTS)]


def _body(number: int) -> bytes:
    company, person = number % 997, number % 7919
    payload = {
        "id": f"evt_{number:08d}",
        "source": "bench",
        "type": "person.role_change",
        "timestamp": "2025-10-10T12:00:00Z",
        "person": {
            "id": f"person_{person}",
            "name": "John Doe",
            "email": f"john{person}@example.com",
            "oldTitle": "VP Sales",
            "newTitle": "CRO",
        },
        "company": {"id": f"company_{company}", "name": "Test Company"},
        "changes": {"title": {"old": "VP Sales", "new": "CRO"}},
    }
    return json.dumps(payload).encode()


def _request(order: Order, body: bytes, now_ms: int) -> bytes:
    signature = hmac.new(order.secret.encode(), f"{now_ms}.".encode() + body, hashlib.sha256).hexdigest()
    head = (
        f"POST {order.path} HTTP/1.1\r\nhost: {order.host}:{order.port}\r\ncontent-type: application/json\r\n"
        f"x-timestamp: {now_ms}\r\nx-signature: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def generate(order: Order) -> Seen:
    """Load the server for as long as ordered."""
    tally, loop = Tally(), asyncio.get_running_loop()
    requests = cycle(signed_requests(order, time.time_ns() // 1_000_000))
    connections = [Connection(requests, tally) for _ in range(order.connections)]
    async with asyncio.timeout(CONNECT_SECONDS):
        for connection in connections:
            await loop.create_connection(lambda made=connection: made, order.host, order.port)  # type: ignore[misc]
    await asyncio.sleep(order.warm_up)
    tally.latencies = array("d")
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(order.seconds)
    lasted, used = time.perf_counter() - began, time.process_time() - cpu
    latencies = sorted(tally.latencies)
    for connection in connections:
        connection.close()
    refused = {str(status): count for status, count in tally.statuses.items() if status != ACCEPTED}
    if not latencies:
        return Seen(0.0, 0.0, 0.0, refused, used / lasted)
    middle, late = latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100]
    return Seen(len(latencies) / lasted, middle, late, refused, used / lasted)


def main() -> None:
    """Take an order from standard input, and print what came of it."""
    order = Order(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(generate(order)))))


if __name__ == "__main__":
    main()
