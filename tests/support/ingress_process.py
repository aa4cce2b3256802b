"""An ingress process of a test's own, on a port of its own, with or without servers."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from local.process import LOOPBACK, free_port
from tests.support.system import ROOT

SECRET: Final = "the first secret of the tests"
TOKEN: Final = "a-token-for-tests-only"
PATIENCE: Final = 60.0
_NOWHERE: Final = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "DATABASE_URL": "postgresql://127.0.0.1:1/nothing"}


@dataclass
class IngressProcess:
    """It may run or have ended.

    Attributes:
        log: its stderr; a file, because a pipe that nobody reads would hold it up once it is full.
    """

    port: int
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    def await_answer(self) -> None:
        """Wait until it serves."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            assert self.popen.poll() is None, "it has ended"
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def await_refusal(self) -> None:
        """Wait until it takes no connection."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection((LOOPBACK, self.port), 1).close()
            except ConnectionRefusedError:
                return
            time.sleep(0.01)
        raise AssertionError("it still takes connections")

    def end(self) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and what it has logged, once it ends."""
        code = self.popen.wait(PATIENCE)
        return code, [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def connect(self) -> socket.socket:
        """A connection."""
        return socket.create_connection((LOOPBACK, self.port), PATIENCE)

    def ask(self, request: bytes) -> bytes:
        """All that it says to these bytes until it hangs up, or has said nothing for a while."""
        with self.connect() as connection:
            connection.sendall(request)
            return heard(connection)


def heard(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65_536):
            received += data
    return received


def start_ingress(
    folder: Path, words: Sequence[str], settings: Mapping[str, str], port: int | None = None
) -> IngressProcess:
    """Start one; whoever does must see to its end.

    Args:
        folder: where it runs.
        words: of its command line.
        settings: its environment, besides what the test's own has.
        port: a free one unless told.
    """
    port = port or free_port()
    chosen = {"INGRESS_PORT": str(port), "WEBHOOK_SECRET": SECRET, "API_TOKEN": TOKEN, "LOG_FORMAT": "json"}
    log = folder / f"ingress-{uuid.uuid4().hex[:8]}.log"
    with log.open("wb") as errors:
        popen = subprocess.Popen(
            [sys.executable, "-m", "cli", "ingress", *words],
            env={**os.environ, "PYTHONPATH": str(ROOT), **chosen, **_NOWHERE, **settings},
            cwd=folder,
            stderr=errors,
        )
    return IngressProcess(port, popen, log)
