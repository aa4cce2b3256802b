"""Several processes on one port, and their restart under load: nothing that was accepted goes unanswered."""

import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from local.process import free_port
from schemas.signals import COPY_SECONDS
from tests.support.ingress_process import PATIENCE, IngressProcess

if TYPE_CHECKING:
    from tests.ingress.conftest import Record

PATH = "/api/webhooks/person-change"
RESTARTS = 2
Sign = Callable[..., dict[str, str]]
Start = Callable[..., IngressProcess]


def _servers(found: dict[str, Any]) -> dict[str, str]:
    return {
        name.upper(): str(found[name]) for name in ("kafka_bootstrap_servers", "person_changes_topic", "database_url")
    }


def _ports(count: int) -> int:
    """The first of so many ports in a row on which nobody listens."""
    while True:
        first = free_port()
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


@dataclass
class Sender:
    """Posts changes, one after the other, and remembers what became of each."""

    port: int
    sign: Sign
    name: str
    answers: dict[str, int] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until told to stop; a new connection after each that broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        number = 0
        while not self.stop.is_set():
            event_id = f"{self.name}-{number}"
            number += 1
            try:
                self.answers[event_id] = self._post(connection, event_id)
            except (OSError, http.client.HTTPException):
                self.unanswered.add(event_id)
                connection.close()  # the next request opens it anew
                time.sleep(0.01)
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, event_id: str) -> int:
        payload = {"id": event_id, "type": "person.promotion", "person": {"id": "p"}, "company": {"id": event_id}}
        body = json.dumps(payload).encode()
        connection.request("POST", PATH, body, self.sign(body, time.time_ns() // 1_000_000))
        answer = connection.getresponse()
        answer.read()
        return answer.status


def test_a_restart_under_load_leaves_nothing_accepted_unanswered(
    run: Start, sign: Sign, servers_of_test: dict[str, Any], records: "Callable[[], list[Record]]"
) -> None:
    """What the log has was answered 202, each once; whoever got no answer is not in it and may send again."""
    settings = _servers(servers_of_test)
    process = run("--workers", "2", **settings)
    process.await_answer()
    senders = [Sender(process.port, sign, f"s{number}") for number in range(8)]
    with _sending(senders):
        for _ in range(RESTARTS):
            _await_more(senders)
            process.popen.send_signal(signal.SIGTERM)
            assert process.end()[0] == 0
            process = run("--workers", "2", port=process.port, **settings)
            process.await_answer()
        _await_more(senders)

    answered = {event_id: status for sender in senders for event_id, status in sender.answers.items()}
    logged = [record.change.event_id for record in records()]
    assert set(answered.values()) == {202}
    assert sorted(logged) == sorted(answered)
    assert any(sender.unanswered for sender in senders)  # it was a restart under load


@contextmanager
def _sending(senders: list[Sender]) -> Iterator[None]:
    """All of them at once, to the end of the block."""
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for sender in senders:
            sender.stop.set()
        for thread in threads:
            thread.join()


def _await_more(senders: list[Sender]) -> None:
    """Until each has had more answers: the load is there."""
    wanted = [len(sender.answers) + 20 for sender in senders]
    deadline = time.monotonic() + PATIENCE
    while any(len(sender.answers) < count for sender, count in zip(senders, wanted, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_workers_share_the_work_and_have_metrics_of_their_own(
    run: Start, sign: Sign, servers_of_test: dict[str, Any]
) -> None:
    """Worker n on INGRESS_METRICS_PORT + n; together they have counted every webhook."""
    first = _ports(2)
    process = run("--workers", "2", INGRESS_METRICS_PORT=str(first), **_servers(servers_of_test))
    process.await_answer()
    body = json.dumps({"type": "other"}).encode()
    for _ in range(60):  # each on a connection of its own, which the kernel gives to either
        httpx.post(process.url + PATH, content=body, headers=sign(body, time.time_ns() // 1_000_000))
    counts = [_measured(port) for port in (first, first + 1)]

    assert sum(counts) == 60
    assert min(counts) > 0


def _measured(port: int) -> int:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.search(r'ingress_webhooks_total\{answer="skipped",source="generic"\} (\d+)', text)
    return int(found[1]) if found else 0


def test_a_worker_that_dies_stops_the_others(run: Start) -> None:
    """Half a server would go unnoticed for long: whoever runs it starts it anew."""
    process = run("--workers", "2")
    process.await_answer()
    children = psutil.Process(process.popen.pid).children()
    assert len(children) == 2
    children[0].kill()
    code, lines = process.end()

    assert code == 1
    assert any(line["event"] == "a worker died; the others stop" for line in lines)


def test_a_port_of_somebody_else_is_not_shared(run: Start) -> None:
    """Two deployments that share a port by mistake would each get half of the webhooks."""
    first = run("--workers", "2")
    first.await_answer()
    code, lines = run("--workers", "2", port=first.port).end()

    assert code == 1
    assert lines[0]["why"] == "Address already in use"


def test_workers_need_a_port(run: Start) -> None:
    """0 would be another one for each; exit code 2."""
    process = run("--workers", "2", INGRESS_PORT="0")

    assert process.end()[0] == 2
    assert "INGRESS_PORT" in process.log.read_text()


def test_a_load_balancer_has_time_to_turn_away(run: Start) -> None:
    """While it drains, `/readyz` says 503, all else is answered, and connections are closed behind the answers."""
    process = run(DRAIN_SECONDS="60")
    process.await_answer()
    with httpx.Client() as client:
        assert "connection" not in client.get(f"{process.url}/healthz").headers
        process.popen.send_signal(signal.SIGTERM)
        time.sleep(0.01)
        process.popen.send_signal(signal.SIGTERM)  # a copy, as when a whole group is signalled, changes nothing
        deadline = time.monotonic() + PATIENCE
        while client.get(f"{process.url}/readyz").text != "stopping\n":
            assert time.monotonic() < deadline
        answer = client.get(f"{process.url}/healthz")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    time.sleep(COPY_SECONDS + 0.1)
    process.popen.send_signal(signal.SIGTERM)  # a second request ends the wait
    code, lines = process.end()

    assert (code, lines[-1]["event"]) == (0, "ingress has stopped")
