"""Fixtures of the command line's tests: a tiny HTTP server that checks signatures as the ingress does."""

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

PATH = "/api/webhooks/person-change"


@dataclass
class FakeIngress:
    """Answers 202 to a change with a right signature, once the scripted answers are used up.

    Attributes:
        secret: what it checks signatures with.
        script: (status, headers, body) of the first answers.
        received: bodies, in order of arrival.
        connections: how many were opened.
    """

    secret: str = "first"
    script: deque[tuple[int, dict[str, str], str]] = field(default_factory=deque)
    received: list[bytes] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], str]:
        """What to say to one request."""
        self.received.append(body)
        self.times.append(time.monotonic())
        if self.script:
            return self.script.popleft()
        if path != PATH:
            return 404, {}, '{"title":"Not found"}'
        message = headers["x-timestamp"].encode() + b"." + body
        right = hmac.new(self.secret.encode(), message, hashlib.sha256).hexdigest()
        if headers["x-signature"] != right or abs(time.time() * 1000 - int(headers["x-timestamp"])) > 5000:
            return 401, {}, '{"title":"The signature is wrong"}'
        event = json.loads(body)
        if "type" not in event:
            return 422, {}, '{"title":"This is no change","detail":"type: must be given"}'
        return 202, {}, json.dumps({"status": "enqueued", "eventId": event["id"]})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                fake.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, headers, text = fake.answer(self.path, self.headers, body)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(text.encode()))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that http.server has
                """Keep quiet."""

        return Handler


@pytest.fixture
def ingress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeIngress]:
    """An ingress that the settings point at; its secret is the first of two."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_DIR", raising=False)
    with FakeIngress() as fake:
        monkeypatch.setenv("INGRESS_URL", fake.url)
        monkeypatch.setenv("WEBHOOK_SECRET", "first,second")
        yield fake
