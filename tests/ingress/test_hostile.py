"""Hostile requests over raw sockets against a running process (law L9); `make fuzz` sends a hundred thousand."""

import re
from typing import TYPE_CHECKING

import pytest

from bench.attempt import Hostile, Target
from bench.fuzz import Seen, _judge, forged_in_log, fuzz, split_answers
from bench.hostile import WEBHOOK, hostile_requests
from tests.support.system import SECRET, System, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token-for-tests-only"
REQUESTS = 3000
GROWTH = 32 * 1024 * 1024
PROBLEM = b"\r\ncontent-type: application/problem+json"


@pytest.mark.slow
def test_no_hostile_request_gets_more_than_a_refusal(system: System) -> None:
    """No 5xx but 503, no redirect, nothing but problem documents, nothing forged in the log, no growing memory."""
    url = system.start_ingress(API_TOKEN=TOKEN, API_REQUESTS_PER_SECOND="0")
    wait_for("ingress", lambda: "ingress listens" in system.children[-1].log.read_text())
    target = Target("127.0.0.1", int(url.rpartition(":")[2]), SECRET, TOKEN)
    child = system.children[-1]
    seen = fuzz(target, child.popen.pid, REQUESTS, seed=7)

    assert seen.wrong == []
    assert seen.requests == REQUESTS
    assert {200, 202, 400, 401, 404, 405, 414, 415, 422, 431} <= set(seen.statuses)
    assert forged_in_log(system.bootstrap, system.topic) == []
    assert seen.growth < GROWTH
    assert child.popen.poll() is None
    assert not re.search(r"Traceback|could not be answered", child.log.read_text())


@pytest.mark.parametrize(
    ("head", "body", "wrong"),
    [
        (b"HTTP/1.1 500 x" + PROBLEM, b'{"status":500,"detail":"x"}', "answered 500"),
        (b"HTTP/1.1 302 Found", b"", "redirected"),
        (b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain", b"no", "without a problem document"),
        (b"HTTP/1.1 400 Bad Request" + PROBLEM, b'{"status":401,"detail":"x"}', "without a problem document"),
        (b"HTTP/1.1 202 Accepted", b'{"status":"enqueued","eventId":"forged-1"}', "accepted a forged change"),
        (b"HTTP/1.1 503 x" + PROBLEM, b'{"status":503,"detail":"x"}', None),
        (b"HTTP/1.1 304 Not Modified", b"", None),
        (b"HTTP/1.1 200 OK", b"{}", None),
    ],
)
def test_the_judge_knows_right_from_wrong(head: bytes, body: bytes, wrong: str | None) -> None:
    """Else the test above would say nothing."""
    seen = Seen()
    _judge(Hostile("unsigned", (b"",)), head, body, seen)

    assert seen.wrongs == (wrong is not None)
    assert wrong is None or wrong in seen.wrong[0]


def test_answers_are_told_apart() -> None:
    """Several on one connection, one of them to HEAD, and one that is cut off."""
    one, head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"

    assert [body for _, body in split_answers(one + head + one + head + b"cut")] == [b"ok", b"", b"ok"]
    assert [body for _, body in split_answers(head, bodiless=True)] == [b""]


def test_a_seed_is_a_run() -> None:
    """The same attempts again, but for the times in them: what failed once can be looked at."""
    first, second, other = (_kinds(hostile_requests(Target("h", 1, "s", "t"), seed)) for seed in (1, 1, 2))

    assert first == second != other
    assert len({kind for kind, _ in first}) == 14
    assert sum(WEBHOOK.encode() in head for _, head in first) > 100


def _kinds(attempts: "Iterator[Hostile]") -> list[tuple[str, bytes]]:
    return [(attempt.kind, attempt.parts[0][:50]) for attempt, _ in zip(attempts, range(300), strict=False)]
