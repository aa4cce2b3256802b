"""The process: it answers, it stops in order, and it says why it cannot start."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from local.process import free_port
from local.welcome import EXAMPLE

if TYPE_CHECKING:
    from tests.ingress.conftest import Record

ROOT = Path(__file__).parents[2]
PATH = "/api/webhooks/person-change"
SECRET = "the first secret of the tests"
PATIENCE = 30.0
Sign = Callable[..., dict[str, str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Start]:
    """Start an ingress process on a port, with these settings besides; its log is its stderr."""
    with contextlib.ExitStack() as stack:

        def start(port: int, **settings: str) -> subprocess.Popen[str]:
            nowhere = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}
            chosen = {"INGRESS_PORT": str(port), "WEBHOOK_SECRET": SECRET, "LOG_FORMAT": "json", **nowhere, **settings}
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", "ingress"],
                env={**os.environ, "PYTHONPATH": str(ROOT), **chosen},
                cwd=tmp_path,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


def _await_answer(port: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200:
                return
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _end(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]]]:
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, [json.loads(line) for line in errors.splitlines() if line.startswith("{")]


def test_a_request_under_way_is_answered_before_the_stop(
    run: Start,
    sign: Sign,
    servers_of_test: dict[str, Any],
    records: "Callable[[], list[Record]]",
) -> None:
    """SIGTERM in the middle of a body: nobody new is let in, the change is stored, its sender told, the exit code 0."""
    names = ("kafka_bootstrap_servers", "person_changes_topic", "database_url")
    port, body = free_port(), EXAMPLE.encode()
    process = run(port, **{name.upper(): servers_of_test[name] for name in names})
    _await_answer(port, process)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.putrequest("POST", PATH)
        for name, value in {**sign(body, time.time_ns() // 1_000_000), "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:100])
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _await_refusal(port)
        connection.send(body[100:])
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (202, {"status": "enqueued", "eventId": "evt_test_001"})
    began = time.monotonic()
    code, lines = _end(process)

    assert code == 0
    assert time.monotonic() - began < 5
    assert lines[-1]["event"] == "ingress has stopped"
    assert [record.change.event_id for record in records()] == ["evt_test_001"]


def _await_refusal(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    pytest.fail("it still takes connections")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_process_stops_at_once(run: Start, number: int) -> None:
    """Without broker and database too; an open connection does not hold it up."""
    port = free_port()
    process = run(port)
    _await_answer(port, process)
    with socket.create_connection(("127.0.0.1", port)):
        began = time.monotonic()
        process.send_signal(number)
        code, lines = _end(process)

    assert code == 0
    assert time.monotonic() - began < 5
    assert any(line["event"] == "ingress listens" and line["address"] == f"127.0.0.1:{port}" for line in lines)


def test_a_taken_port_is_named_with_its_setting(run: Start) -> None:
    """Exit code 1, and one line that says which address, why, and what to set; no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run(port)
        code, lines = _end(process)

    assert code == 1
    (line,) = lines
    assert line["address"] == f"127.0.0.1:{port}"
    assert "INGRESS_PORT" in line["setting"]
    assert line["why"] == "Address already in use"


def test_without_a_secret_it_does_not_start(run: Start) -> None:
    """Exit code 2, and the variable's name: a server that lets everybody in is none."""
    process = run(free_port(), WEBHOOK_SECRET="")
    _, errors = process.communicate(timeout=PATIENCE)

    assert process.returncode == 2
    assert "WEBHOOK_SECRET" in errors
    assert "Traceback" not in errors
