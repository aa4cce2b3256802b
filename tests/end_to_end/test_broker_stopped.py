"""The broker stands still for half a minute under load: all are answered, what was accepted is applied once."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from cli.signing import WEBHOOK_PATH, signed_headers
from local.kafka import Kafka
from tests.support.system import PATIENCE, SECRET, System, wait_for

TIMEOUT_SECONDS = 2.0
SLACK_SECONDS = 15.0
"""What a busy machine may add to the time-out."""
STOPPED_SECONDS = 30.0
SENDERS = 6


@dataclass
class Sender:
    """Posts changes as a good sender does: what was not accepted is sent again, as the same event."""

    port: int
    name: str
    accepted: list[str] = field(default_factory=list)
    refused: int = 0
    slowest: float = 0.0
    others: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Until told to stop, and until its last change is accepted."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        number = 0
        while not self.stop.is_set():
            number += 1
            while (status := self._post(connection, f"{self.name}-{number}")) == 503:
                self.refused += 1
            if status in (200, 202):
                self.accepted.append(f"{self.name}-{number}")
            else:
                self.others.append(status)
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, event_id: str) -> int:
        payload = {"id": event_id, "type": "person.promotion", "person": {"id": "p", "newTitle": "CEO"}}
        body = json.dumps({**payload, "company": {"id": event_id}}).encode()
        began = time.monotonic()
        connection.request("POST", WEBHOOK_PATH, body, signed_headers(SECRET.encode(), time.time_ns() // 10**6, body))
        answer = connection.getresponse()
        answer.read()
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer.status


@contextmanager
def _sending(port: int) -> Iterator[list[Sender]]:
    senders = [Sender(port, f"s{number}") for number in range(SENDERS)]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        yield senders
    finally:
        for sender in senders:
            sender.stop.set()
        for thread in threads:
            thread.join()


def _await_accepted(senders: list[Sender]) -> None:
    wanted = {sender.name: len(sender.accepted) + 15 for sender in senders}
    wait_for("load", lambda: all(len(sender.accepted) >= wanted[sender.name] for sender in senders))


@pytest.mark.slow
def test_a_broker_that_stands_still_loses_nothing_and_doubles_nothing(kafka: Kafka, own: System) -> None:
    """503 in time while it does, 202 before and after; each accepted change has one outcome and made one version."""
    url = own.start_ingress(PUBLISH_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS))
    own.start_consumer()
    wait_for("ingress", lambda: "ingress listens" in own.children[0].log.read_text())
    assert kafka.pid is not None
    with _sending(int(url.rpartition(":")[2])) as senders:
        _await_accepted(senders)
        os.kill(kafka.pid, signal.SIGSTOP)
        over = time.monotonic() + STOPPED_SECONDS
        wait_for("refusals", lambda: all(sender.refused >= 2 for sender in senders) and time.monotonic() > over)
        assert httpx.get(f"{url}/readyz", timeout=PATIENCE).status_code == 503
        os.kill(kafka.pid, signal.SIGCONT)
        _await_accepted(senders)
    accepted = {event_id for sender in senders for event_id in sender.accepted}
    wait_for("the last change", lambda: accepted <= _applied(own))

    assert [sender.others for sender in senders] == [[]] * SENDERS
    assert max(sender.slowest for sender in senders) < TIMEOUT_SECONDS + SLACK_SECONDS
    assert own.query("SELECT company_id FROM webhook_events WHERE outcome <> 'refreshed'") == []
    assert _applied(own) == accepted  # every refused one was sent again until it was accepted
    assert own.query("SELECT company_id FROM buyer_groups WHERE version <> 1") == []
    assert own.query("SELECT company_id FROM buyer_group_refresh_logs GROUP BY 1 HAVING count(*) > 1") == []


def _applied(system: System) -> set[str]:
    return {event_id for (event_id,) in system.query("SELECT event_id FROM webhook_events")}
