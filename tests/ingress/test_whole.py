"""The short way between server and application is ASGI's own, only shorter: who sends a webhook sees no difference."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.ingress_process import IngressProcess, heard
from tests.support.system import wait_for

Request = Callable[..., tuple[bytes, bytes]]
CLOSE = b"connection: close\r\n"
LIMIT = 4096
_DATE = re.compile(rb"date: [^\r]*\r\n")


@pytest.fixture
def process(servers_of_test: dict[str, Any], run: Callable[..., IngressProcess]) -> IngressProcess:
    """An ingress process on the session's servers."""
    settings = {name.upper(): str(value) for name, value in servers_of_test.items()}
    started = run(**settings, MAX_BODY_BYTES=str(LIMIT))
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


@dataclass(frozen=True)
class _Odd:
    """A webhook that is not simply taken.

    Attributes:
        change: what is other than in the example.
        body: instead of it.
        head: what is replaced in the head, and by what.
    """

    status: int
    change: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    head: tuple[bytes, bytes] = (b"", b"")


_ODD = {
    "a move": _Odd(202, {"type": "person.company_change", "person": {"id": "p", "oldCompany": "left"}}),
    "a type that is passed over": _Odd(200, {"type": "person.birthday"}),
    "no id": _Odd(422, {"id": None}),
    "no JSON": _Odd(400, body=b'{"id": NaN}'),
    "no text": _Odd(400, body=b"\xff\xfe\x00"),
    "nothing": _Odd(400, body=b""),
    "too deep": _Odd(400, body=b"[" * 100 + b"]" * 100),
    "too large": _Odd(413, {"more": "x" * LIMIT}),
    "no signature": _Odd(401, head=(b"x-signature", b"x-other")),
    "a signature of something else": _Odd(401, head=(b"x-signature: ", b"x-signature: 0")),
    "a signature with blanks": _Odd(401, head=(b"x-signature: ", b"x-signature: a b")),
    "an old one": _Odd(401, head=(b"x-timestamp: 1", b"x-timestamp: ")),
    "another type": _Odd(415, head=(b"application/json", b"text/plain")),
    "compressed": _Odd(415, head=(b"host: x", b"content-encoding: gzip")),
    "nobody's": _Odd(404, head=(b"person-change ", b"person-change/nobody ")),
}


def test_whatever_is_sent_is_answered_alike_at_once_and_later(
    process: IngressProcess, example: dict[str, Any], sign: Callable[..., dict[str, str]]
) -> None:
    """Byte for byte but for the date: where the body was changes nothing."""
    seen = {}
    for kind, odd in _ODD.items():
        body = json.dumps({**example, **odd.change}).encode() if odd.body is None else odd.body
        headers = {"host": "x", **sign(body, time.time_ns() // 1_000_000), "content-length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        head = (b"POST /api/webhooks/person-change HTTP/1.1\r\n" + lines + CLOSE + b"\r\n").replace(*odd.head, 1)
        later, at_once = _DATE.sub(b"", _asked_twice(process, head, body)), _DATE.sub(b"", process.ask(head + body))
        seen[kind] = (int(at_once[9:12]), later == at_once)

    assert seen == {kind: (odd.status, True) for kind, odd in _ODD.items()}


def _asked_twice(process: IngressProcess, head: bytes, body: bytes) -> bytes:
    """The answer to a body that is sent when the server asks for it, or the one to its head alone."""
    with process.connect() as connection:
        connection.sendall(head.replace(CLOSE, CLOSE + b"expect: 100-continue\r\n"))
        answer = connection.recv(65_536)
        if answer != b"HTTP/1.1 100 Continue\r\n\r\n":
            return answer + heard(connection)
        connection.sendall(body)
        return heard(connection)


def test_a_large_body_is_refused_at_once_where_its_head_says_no_length(process: IngressProcess) -> None:
    """The limit is one of bytes, whoever counted them."""
    head = b"POST /api/webhooks/person-change HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n" + CLOSE + b"\r\n"
    size = LIMIT + 1

    answer = process.ask(head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, b" " * size))

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_hundreds_sent_before_the_first_answer_are_all_answered(process: IngressProcess) -> None:
    """One after the other, not one within the other; what is sent with them is taken when it is its turn."""
    one = b"POST /api/webhooks/person-change HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"

    answers = process.ask(one * 500 + last)

    assert answers.count(b"HTTP/1.1 401 ") == 500
    assert answers.endswith(b"ok\n")


def test_a_webhook_gets_its_answer_before_the_refusal_of_what_is_broken_behind_it(
    process: IngressProcess, request_of: Request
) -> None:
    """It was accepted, whatever became of the next."""
    broken = b"POST /api/webhooks/person-change HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nno\r\n"

    answers = process.ask(b"".join(request_of("e1")) + broken)

    first, second = (b"HTTP/1.1" + rest for rest in answers.split(b"HTTP/1.1")[1:])
    assert [event_id for _, _, event_id in _answers(first)] == ["e1"]
    assert second.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in second.lower()
    assert b"not-http" in second


def test_who_hangs_up_before_the_answer_leaves_nothing_behind(process: IngressProcess, request_of: Request) -> None:
    """What was sent is taken all the same, and no webhook stays under way."""
    for number in range(20):
        with process.connect() as connection:
            connection.sendall(b"".join(request_of(f"gone-{number}")) * 3)

    ask = b"GET /metrics HTTP/1.1\r\nhost: x\r\n" + CLOSE + b"\r\n"
    wait_for("no webhook under way", lambda: b"\ningress_open_webhooks 0.0\n" in process.ask(ask))


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
