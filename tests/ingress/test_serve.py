"""The process: it answers, it stops in order, and it says why it cannot start."""

import contextlib
import http.client
import json
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local.welcome import EXAMPLE
from tests.support.ingress_process import PATIENCE, IngressProcess

if TYPE_CHECKING:
    from tests.ingress.conftest import Record

PATH = "/api/webhooks/person-change"
Sign = Callable[..., dict[str, str]]
Start = Callable[..., IngressProcess]


def test_a_request_under_way_is_answered_before_the_stop(
    run: Start,
    sign: Sign,
    servers_of_test: dict[str, Any],
    records: "Callable[[], list[Record]]",
) -> None:
    """SIGTERM in the middle of a body: nobody new is let in, the change is stored, its sender told, the exit code 0."""
    names = ("kafka_bootstrap_servers", "person_changes_topic", "database_url")
    body = EXAMPLE.encode()
    process = run(**{name.upper(): servers_of_test[name] for name in names})
    process.await_answer()
    connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.putrequest("POST", PATH)
        for name, value in {**sign(body, time.time_ns() // 1_000_000), "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body[:100])
        time.sleep(0.1)
        process.popen.send_signal(signal.SIGTERM)
        process.await_refusal()
        connection.send(body[100:])
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (202, {"status": "enqueued", "eventId": "evt_test_001"})
    began = time.monotonic()
    code, lines = process.end()

    assert code == 0
    assert time.monotonic() - began < 5
    assert lines[-1]["event"] == "ingress has stopped"
    assert [record.change.event_id for record in records()] == ["evt_test_001"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_process_stops_at_once(run: Start, number: int) -> None:
    """Without broker and database too; an open connection does not hold it up."""
    process = run()
    process.await_answer()
    with process.connect():
        began = time.monotonic()
        process.popen.send_signal(number)
        code, lines = process.end()

    assert code == 0
    assert time.monotonic() - began < 5
    assert any(line["event"] == "ingress listens" and line["address"] == f"127.0.0.1:{process.port}" for line in lines)


def test_a_taken_port_is_named_with_its_setting(run: Start) -> None:
    """Exit code 1, and one line that says which address, why, and what to set; no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = run(port=port)
        code, lines = process.end()

    assert code == 1
    (line,) = [line for line in lines if line["level"] == "error"]
    assert line["address"] == f"127.0.0.1:{port}"
    assert "INGRESS_PORT" in line["setting"]
    assert line["why"] == "Address already in use"


def test_without_a_secret_it_does_not_start(run: Start) -> None:
    """Exit code 2, and the variable's name: a server that lets everybody in is none."""
    process = run(WEBHOOK_SECRET="")

    assert process.end()[0] == 2
    assert "WEBHOOK_SECRET" in process.log.read_text()
    assert "Traceback" not in process.log.read_text()
