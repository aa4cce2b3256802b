"""Where the benchmarks run: servers of their own, in a folder of their own, with settings of nobody's environment."""

import os
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from consumers.relay.settings import RelaySettings
from consumers.settings import ConsumerSettings
from db.migrate import migrate
from ingress.settings import IngressSettings
from local.process import LOOPBACK, Child, free_port, spawn
from local.stack import Stack

ROOT: Final = Path(__file__).resolve().parent.parent
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
OTHERS_MAY_PASS: Final = 0o711  # PostgreSQL does not run as root, and must reach its data


class BenchError(RuntimeError):
    """Something that should have been measured did not work."""


@dataclass(frozen=True, slots=True)
class World:
    """The servers of one run.

    Attributes:
        folder: the run's own; it goes with the run.
        bootstrap: Kafka's bootstrap servers.
        database_url: URI of a migrated, empty database.
    """

    folder: Path
    bootstrap: str
    database_url: str

    def start(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> Child:
        """Start one of our processes, `python -m …`, with these settings and the addresses of the servers."""
        servers = {"KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, "DATABASE_URL": self.database_url}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "LOG_FORMAT": "json", **servers, **settings}
        return spawn(name, [sys.executable, "-m", *arguments], self.folder, environment=environment)

    @contextmanager
    def running(self, name: str, arguments: list[str], settings: Mapping[str, str], port: int) -> Iterator[Child]:
        """One of our processes, from when its `/readyz` at this port says so to the end of the block."""
        with self.starting(name, arguments, settings) as child:
            child.wait_until(lambda: answers(port), READY_SECONDS)
            yield child

    @contextmanager
    def starting(self, name: str, arguments: list[str], settings: Mapping[str, str]) -> Iterator[Child]:
        """One of our processes, from its start to the end of the block."""
        child = self.start(name, arguments, settings)
        try:
            yield child
        finally:
            child.stop(signal.SIGTERM, STOP_SECONDS)

    def database(self, name: str, template: str | None = None) -> str:
        """Make a database, empty and migrated, or a copy of another one to which nobody is connected.

        Returns:
            Its URI.
        """
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            if template is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            else:
                # FILE_COPY begins and ends with a checkpoint, so that every copy starts from the same point of the WAL.
                copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
                connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
        url = f"{self.database_url.rpartition('/')[0]}/{name}"
        if template is None:
            migrate(url)
        return url

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        """The URI of a copy of a database that goes with the block."""
        name = f"{template}_{time.monotonic_ns()}"
        try:
            yield self.database(name, template)
        finally:
            with psycopg.connect(self.database_url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def started() -> Iterator[World]:
    """Start Kafka and PostgreSQL, as durable as in production, and end them with the block.

    Raises:
        LocalServerError: a server does not come up.
    """
    forget_settings()
    with tempfile.TemporaryDirectory(prefix="person-changes-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(OTHERS_MAY_PASS)
        stack = Stack(folder)
        try:
            bootstrap, url = stack.start()
            migrate(url)
            yield World(folder, bootstrap, url)
        finally:
            stack.stop()


def forget_settings() -> None:
    """Drop the project's settings from our environment: a benchmark must neither touch nor depend on what is there."""
    known = {*IngressSettings.model_fields, *ConsumerSettings.model_fields, *RelaySettings.model_fields}
    if found := sorted(name for name in os.environ if name.lower() in known):
        say(f"not used, although set in the environment: {', '.join(found)}")
    for name in found:
        del os.environ[name]
    os.environ["OPT_OUT_KEY"] = "a key of opt-outs for benchmarks"


def answers(port: int) -> bool:
    """Whether the process that listens at this port of the loopback interface is ready."""
    with suppress(OSError), urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2):
        return True
    return False


def free_ports(count: int) -> int:
    """The first of so many ports in a row of the loopback interface that nobody listens at."""
    while True:
        first = free_port()
        if all(map(_is_free, range(first + 1, first + count))):
            return first


def _is_free(port: int) -> bool:
    with suppress(OSError, OverflowError), socket.socket() as tried:
        tried.bind((LOOPBACK, port))
        return True
    return False


def say(what: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"bench: {what}\n")
    sys.stderr.flush()
