"""What the server refuses before the application hears of it: heads too large, too late, or none; too many at once."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ingress.protocol import MAX_ADDRESS_BYTES, MAX_HEAD_BYTES, MAX_HEADERS
from tests.support.ingress_process import IngressProcess, heard, start_ingress

KEEP_ALIVE_SECONDS = 5.0
CLOSE = b"host: x\r\nconnection: close\r\n"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngressProcess]:
    """A process without servers, impatient, for a few connections; shared, for no test leaves anything behind."""
    settings = {"HEAD_TIMEOUT_SECONDS": "0.4", "MAX_CONNECTIONS": "8", "BODY_TIMEOUT_SECONDS": "1"}
    started = start_ingress(tmp_path_factory.mktemp("ingress"), (), settings)
    with started.popen:
        started.await_answer()
        yield started
        started.popen.terminate()


def _problem(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower()
    assert b"connection: close" in head.lower()
    assert f"content-length: {len(body)}".encode() in head.lower()
    document: dict[str, Any] = json.loads(body)
    assert document["status"] == int(head[9:12])
    assert document["title"]
    return document["status"], document["type"].rpartition(":")[2]


def test_so_many_headers_and_no_more(process: IngressProcess) -> None:
    """To the header, and to the byte."""
    fill = b"x: y\r\n" * (MAX_HEADERS - 2)
    long = b"x: " + b"y" * (MAX_HEAD_BYTES - len("hostxconnectionclose") - 1) + b"\r\n"
    for headers in (fill, long):
        assert process.ask(b"GET /healthz HTTP/1.1\r\n" + CLOSE + headers + b"\r\n").startswith(b"HTTP/1.1 200")
    for headers in (fill + b"x: y\r\n", long.replace(b"x: ", b"xx: ")):
        assert _problem(process.ask(b"GET /healthz HTTP/1.1\r\n" + CLOSE + headers + b"\r\n")) == (431, "headers")


def test_a_header_without_an_end_is_cut_off(process: IngressProcess) -> None:
    """Of 100 MB no more is read than a head may have, and what one read brings."""
    sent = 0
    with process.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx-endless: ")
        try:
            for _ in range(1600):
                connection.sendall(b"a" * 65_536)
                sent += 65_536
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert sent < 20_000_000
    assert process.ask(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("piece", [10, 3000])
def test_a_large_head_that_comes_slowly_is_refused(process: IngressProcess, piece: int) -> None:
    """The parser keeps what is no whole header yet: that counts too."""
    head = b"GET / HTTP/1.1\r\nx: " + b"a" * (MAX_HEAD_BYTES + MAX_ADDRESS_BYTES)
    with process.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head[:-piece])
        time.sleep(0.05)
        connection.sendall(head[-piece:])
        assert _problem(heard(connection)) == (431, "headers")


def test_an_address_may_be_so_long(process: IngressProcess) -> None:
    """To the byte; the answer to a longer one is 414."""
    path = b"/" + b"x" * (MAX_ADDRESS_BYTES - 1)

    assert process.ask(b"GET " + path + b" HTTP/1.1\r\n" + CLOSE + b"\r\n").startswith(b"HTTP/1.1 404")
    assert _problem(process.ask(b"GET " + path + b"x HTTP/1.1\r\n" + CLOSE + b"\r\n")) == (414, "long-address")


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x00\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem(process: IngressProcess, request_: bytes) -> None:
    """A document like any other refusal, not a line of text."""
    assert _problem(process.ask(request_)) == (400, "not-http")


@pytest.mark.parametrize("begun", [b"GET / HTTP/1.1\r\nhost:", b"G", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_does_not_come_is_not_waited_for(process: IngressProcess, begun: bytes) -> None:
    """Also after an answer on the same connection."""
    assert _problem(process.ask(begun)) == (408, "slow")
    with process.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        while not connection.recv(65_536).endswith(b"ok\n"):
            pass
        connection.sendall(begun)
        assert _problem(heard(connection)) == (408, "slow")


def test_who_never_asks_is_hung_up_on(process: IngressProcess) -> None:
    """Without a word, for there was none."""
    assert process.ask(b"") == b""


def test_who_asks_no_more_is_hung_up_on_and_nobody_else(process: IngressProcess) -> None:
    """The time counts from the last answer: a timer that was set at the first one does not end it."""
    ask = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    with process.connect() as idle, process.connect() as busy:
        _asked(idle, ask)
        _asked(busy, ask)
        began = time.monotonic()
        while time.monotonic() - began < KEEP_ALIVE_SECONDS * 1.4:
            time.sleep(KEEP_ALIVE_SECONDS * 0.2)
            _asked(busy, ask)
        assert heard(idle) == b""
        assert heard(busy) == b""


def _asked(connection: socket.socket, request: bytes) -> None:
    """Ask, and read the answer to its end."""
    connection.sendall(request)
    while data := connection.recv(65_536):
        if data.endswith(b"ok\n"):
            return
    pytest.fail("hung up on")


def test_who_drips_does_not_stay(process: IngressProcess) -> None:
    """A byte now and then does not start the time anew."""
    began = time.monotonic()
    with process.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: ")
        try:
            while time.monotonic() - began < 20:
                connection.sendall(b"a")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert time.monotonic() - began < 10


def test_more_connections_than_allowed_are_turned_away(process: IngressProcess) -> None:
    """503 with Retry-After; the others go on, and when they are gone there is room again."""
    with httpx.Client(limits=httpx.Limits(max_keepalive_connections=8)) as client:
        streams = [process.connect() for _ in range(8)]
        try:
            for stream in streams:
                stream.sendall(b"POST /api/webhooks/person-change HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n")
            _await_open(process, 8)
            refused = client.get(f"{process.url}/healthz")
            assert refused.status_code == 503
            assert refused.json()["type"].endswith(":connections")
            assert refused.headers["retry-after"] == "5"
        finally:
            for stream in streams:
                stream.close()
    process.await_answer()


def _await_open(process: IngressProcess, _: int) -> None:
    """Until one more is refused."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.ask(b"GET /healthz HTTP/1.1\r\n" + CLOSE + b"\r\n").startswith(b"HTTP/1.1 503"):
            return
        time.sleep(0.02)
    pytest.fail("nobody is turned away")


def test_rubbish_behind_a_whole_request_does_not_take_its_answer(process: IngressProcess) -> None:
    """The request may have been accepted: its sender hears what became of it, and only that."""
    answer = process.ask(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n\x00\x01 rubbish\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 503")
    assert answer.count(b"HTTP/1.1") == 1


def test_an_upgrade_is_passed_over(process: IngressProcess) -> None:
    """There is nothing to upgrade to: neither web sockets nor HTTP/2."""
    for upgrade in (b"websocket", b"h2c"):
        request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: " + upgrade + b"\r\n\r\n"
        with process.connect() as connection:
            connection.sendall(request)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


def test_forwarded_headers_change_nothing(process: IngressProcess) -> None:
    """Anybody can send them; nothing here believes them."""
    said = (
        b"x-forwarded-for: 10.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil.test\r\nforwarded: for=_x\r\n"
    )
    answers = [
        process.ask(b"GET / HTTP/1.1\r\n" + CLOSE + headers + b"\r\n").partition(b"\r\n\r\n")[2]
        for headers in (b"", said)
    ]

    assert answers[0] == answers[1] != b""
