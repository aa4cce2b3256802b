"""The short way between server and application is ASGI's own, only shorter: who sends a webhook sees no difference."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.ingress_process import IngressProcess, heard

Request = Callable[..., tuple[bytes, bytes]]
CLOSE = b"connection: close\r\n"


@pytest.fixture
def process(servers_of_test: dict[str, Any], run: Callable[..., IngressProcess]) -> IngressProcess:
    """An ingress process on the session's servers."""
    started = run(**{name.upper(): str(value) for name, value in servers_of_test.items()})
    started.await_answer()
    return started


@pytest.fixture
def request_of(example: dict[str, Any], sign: Callable[..., dict[str, str]]) -> Request:
    """`request_of(id, header lines)`: head and body of a signed webhook."""

    def made(event_id: str, more: bytes = b"") -> tuple[bytes, bytes]:
        body = json.dumps({**example, "id": event_id}).encode()
        headers = {"host": "x", **sign(body, time.time_ns() // 1_000_000), "content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return b"POST /api/webhooks/person-change HTTP/1.1\r\n" + lines.encode() + more + b"\r\n", body

    return made


def _answers(received: bytes) -> list[tuple[bytes, dict[str, str], str]]:
    """Status line, headers and event id of each answer."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        size = int(headers["content-length"])
        found.append((status.encode(), headers, json.loads(rest[:size])["eventId"]))
        received = rest[size:]
    return found


def test_webhooks_sent_before_the_answer_are_answered_in_their_order(
    process: IngressProcess, request_of: Request
) -> None:
    """Each gets the answer of its own body, and the connection ends with the one that says so."""
    requests = [request_of("e1"), request_of("e2"), request_of("e3", CLOSE)]
    answers = _answers(process.ask(b"".join(head + body for head, body in requests)))

    assert [event_id for _, _, event_id in answers] == ["e1", "e2", "e3"]
    assert {status for status, _, _ in answers} == {b"http/1.1 202 accepted"}
    assert [headers.get("connection") for _, headers, _ in answers] == [None, None, "close"]


def test_a_body_that_comes_later_gets_the_same_answer(process: IngressProcess, request_of: Request) -> None:
    """Waited for by ASGI's own way, or here at once: status and headers are the same, but for the time."""
    head, body = request_of("later", b"expect: 100-continue\r\n" + CLOSE)
    with process.connect() as connection:
        connection.sendall(head)
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        later = _answers(heard(connection))
    at_once = _answers(process.ask(b"".join(request_of("later", CLOSE))))

    for _, headers, _ in (*later, *at_once):
        assert headers.pop("date")
    assert later == at_once
    assert len(later) == 1


def test_an_answer_in_one_piece_has_the_headers_of_one_in_two(process: IngressProcess, request_of: Request) -> None:
    """Of a connection that goes on, and of one that ends, only the end differs."""
    with process.connect() as connection:
        connection.sendall(b"".join(request_of("e1")))
        first = connection.recv(65_536)
        connection.sendall(b"".join(request_of("e2", CLOSE)))
        answers = _answers(first + heard(connection))

    going, ending = ({**headers, "date": ""} for _, headers, _ in answers)
    assert ending == {**going, "connection": "close"}
    assert going == {"date": "", "content-type": "application/json", "content-length": "36"}
