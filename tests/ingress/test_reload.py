"""SIGHUP reads the sources again without a request lost, or the old ones go on; what cannot be right never starts."""

import contextlib
import hashlib
import hmac
import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.system import PATIENCE, System, wait_for

URL = "/api/webhooks/person-change/acme"
BODY = b'{"type":"other"}'
"""An authentic body of a type that is skipped: no broker is needed to tell it from 401."""
OLD, NEW = "the old secret of a provider", "the new secret of a provider"


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[System]:
    """A system of ingress alone: neither broker nor database answers."""
    system = System("127.0.0.1:1", "none", 1, "postgresql://127.0.0.1:1/nothing", tmp_path)
    yield system
    system.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The file of the provider's first secret."""
    path = tmp_path / "secret"
    path.write_text(OLD)
    return path


@pytest.fixture
def sources(tmp_path: Path, secret: Path) -> Path:
    """A file with one source, which signs with that secret."""
    path = tmp_path / "sources.toml"
    path.write_text(f'[sources.acme]\npreset = "original"\nsecrets = ["file:{secret}"]\n')
    return path


@pytest.fixture
def url(nowhere: System, sources: Path) -> str:
    """A running ingress process with these sources and no other."""
    address = nowhere.start_ingress(SOURCES_FILE=str(sources), WEBHOOK_SECRET="")
    wait_for("ingress", lambda: _logged(nowhere, "ingress listens"))
    wait_for("answer", lambda: _answers(address))
    return address


def _answers(address: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{address}/healthz").status_code == 200
    return False


def _logged(system: System, event: str) -> list[str]:
    return [json.dumps(line) for line in system.log_lines(system.children[-1]) if line["event"] == event]


def _signed(secret: str, body: bytes = BODY) -> dict[str, str]:
    now = str(time.time_ns() // 1_000_000)
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-timestamp": now, "x-signature": digest}


def _status(url: str, secret: str) -> int:
    return httpx.post(url + URL, content=BODY, headers=_signed(secret), timeout=PATIENCE).status_code


def _reloads(url: str, outcome: str) -> float:
    name = f'ingress_source_reloads_total{{outcome="{outcome}"}} '
    lines = httpx.get(f"{url}/metrics", timeout=PATIENCE).text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


def _hang_up(system: System, url: str, outcome: str = "done") -> None:
    before = _reloads(url, outcome)
    system.children[-1].popen.send_signal(signal.SIGHUP)
    wait_for("reload", lambda: _reloads(url, outcome) == before + 1)


def test_a_new_secret_counts_after_a_hangup(nowhere: System, url: str, secret: Path) -> None:
    """Not before; and the old one no more."""
    before = (_status(url, OLD), _status(url, NEW))
    secret.write_text(NEW)
    unread = (_status(url, OLD), _status(url, NEW))
    _hang_up(nowhere, url)

    assert before == unread == (200, 401)
    assert (_status(url, OLD), _status(url, NEW)) == (401, 200)


def test_a_source_can_come_and_go(nowhere: System, url: str, sources: Path) -> None:
    """A hang-up reads the whole file; the metric has those that there are now."""
    text = sources.read_text()
    sources.write_text(text.replace("sources.acme", "sources.other"))
    _hang_up(nowhere, url)
    gauges = [line for line in httpx.get(f"{url}/metrics").text.splitlines() if line.startswith("ingress_sources{")]

    assert _status(url, OLD) == 404
    assert gauges == ['ingress_sources{mode="hmac",source="other"} 1.0']
    sources.write_text(text)
    _hang_up(nowhere, url)
    assert _status(url, OLD) == 200


@pytest.mark.parametrize("broken", ["[sources", "", '[sources.acme]\npreset = "nobody"\n', None])
def test_a_broken_file_changes_nothing(nowhere: System, url: str, sources: Path, broken: str | None) -> None:
    """The old sources go on, the log says why without a secret, and the next good file counts."""
    text = sources.read_text()
    if broken is None:
        sources.unlink()
    else:
        sources.write_text(broken)
    _hang_up(nowhere, url, "refused")

    (line,) = _logged(nowhere, "the sources were not read again, the old ones go on")
    assert str(sources) in line
    assert OLD not in line
    assert _status(url, OLD) == 200
    sources.write_text(text)
    _hang_up(nowhere, url)
    assert _status(url, OLD) == 200


def test_a_request_that_began_before_is_answered_as_it_began(nowhere: System, url: str, secret: Path) -> None:
    """Half of its body was there when the secret changed: it is held against the one that it was sent for."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.putrequest("POST", URL)
        for name, value in {**_signed(OLD), "content-length": str(len(BODY))}.items():
            connection.putheader(name, value)
        connection.endheaders(BODY[:5])
        wait_for("request", lambda: "ingress_open_webhooks 1.0" in httpx.get(f"{url}/metrics").text)
        secret.write_text(NEW)
        _hang_up(nowhere, url)
        assert _status(url, OLD) == 401
        connection.send(BODY[5:])
        assert connection.getresponse().status == 200


def test_no_request_is_lost_in_a_hangup(nowhere: System, url: str, secret: Path, sources: Path) -> None:
    """Under load, through many changes of the file in which the sender's secret stays: each answer is 200."""
    other = secret.with_name("other")
    other.write_text(NEW)
    stop = threading.Event()

    def send() -> list[int]:
        with httpx.Client(timeout=PATIENCE) as client:
            statuses = []
            while not stop.is_set():
                statuses.append(client.post(url + URL, content=BODY, headers=_signed(OLD)).status_code)
            return statuses

    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send) for _ in range(4)]
        try:
            for turn in range(10):
                both = f'["file:{other}", "file:{secret}"]' if turn % 2 else f'["file:{secret}", "file:{other}"]'
                sources.write_text(f'[sources.acme]\npreset = "original"\nsecrets = {both}\n')
                _hang_up(nowhere, url)
        finally:
            stop.set()
        statuses = [status for each in sending for status in each.result()]

    assert len(statuses) > 40
    assert set(statuses) == {200}
    assert nowhere.stop(nowhere.children[-1]) == 0


def test_sources_that_cannot_be_right_do_not_start(nowhere: System, sources: Path, secret: Path) -> None:
    """Exit code 2, and one line that names file, source and key, without the secret and without a trace."""
    secret.write_text("hunter2")
    nowhere.start_ingress(SOURCES_FILE=str(sources), WEBHOOK_SECRET="")
    child = nowhere.children[-1]

    assert child.popen.wait(PATIENCE) == 2
    (line,) = _logged(nowhere, "the sources cannot be used")
    assert f"{sources}: source acme: secrets[0]: file:{secret} is short" in line
    assert "hunter2" not in child.log.read_text()
    assert "Traceback" not in child.log.read_text()
