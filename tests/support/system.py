"""A running system on the session's servers: its topic, its tables, and consumers and ingress as processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from consumers.runtime.intake import raise_unless_transient
from consumers.runtime.run import consume
from consumers.settings import ConsumerSettings
from local.process import Child, free_port, spawn
from schemas.codec import encode_change
from schemas.events import PersonChange
from schemas.topics import change_headers, company_key

ROOT: Final = Path(__file__).parents[2]
SECRET: Final = "a secret for tests only"
PATIENCE: Final = 60.0
"""Seconds; what takes longer is broken, not slow."""


def wait_for(what: str, done: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until `done` answers something true, and hand it back."""
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline, f"after {seconds:.0f} s there is still no {what}"
        time.sleep(0.01)
    return found


def _watermarks(reader: Consumer, place: TopicPartition) -> tuple[int, int]:
    """A partition's first and next offset; a broker under load may take a while to lead a new one."""

    def asked() -> list[tuple[int, int]]:
        try:
            return [reader.get_watermark_offsets(place)]
        except KafkaException as error:
            raise_unless_transient(error.args[0])
            return []

    [found] = wait_for(f"watermarks of {place}", asked)
    return int(found[0]), int(found[1])


@dataclass
class System:
    """One topic, one schema, one consumer group.

    Attributes:
        folder: where logs of processes go.
        settings: of all processes, by variable.
        thread: of the latest consumer in this process.
    """

    bootstrap: str
    topic: str
    partitions: int
    database_url: str
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    thread: threading.Thread | None = None

    def publish(self, changes: Iterable[PersonChange]) -> int:
        """Append changes to the log, as another service would; returns how many."""
        producer = Producer(self.consumer_settings().producer_config("test"))
        count = 0
        for said in changes:
            count += 1
            key, value = company_key(said.company.id), encode_change(said)
            while True:
                try:
                    producer.produce(self.topic, value, key, headers=change_headers(said))
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(PATIENCE) == 0
        return count

    def publish_bytes(self, *records: tuple[bytes | None, bytes | None]) -> None:
        """Append keys and values to partition 0, as somebody might who does not know the contract."""
        producer = Producer(self.consumer_settings().producer_config("test"))
        headers: list[tuple[str, str | bytes | None]] = [("odd", b"\xff\x00"), ("traceparent", b"00")]
        for key, value in records:
            producer.produce(self.topic, value, key, partition=0, headers=headers)
        assert producer.flush(PATIENCE) == 0

    def start_consumer(self, **settings: str) -> Child:
        """A consumer process of the group; it may take a second until it has partitions."""
        return self._start("consumer", settings, "--workers", "1")

    def start_consumer_with_clock(self, hours: float, **settings: str) -> Child:
        """A consumer process whose clock is so many hours ahead."""
        line = [sys.executable, str(ROOT / "tests" / "support" / "consumer_with_clock.py"), str(hours)]
        return self._start("consumer", settings, line=line)

    def start_relay(self, **settings: str) -> Child:
        """A relay process; the topic is that of `settings`."""
        return self._start("relay", settings)

    def start_resolver(self, **settings: str) -> Child:
        """A resolver process; the topic of its hints is that of `settings`."""
        return self._start("resolver", settings)

    def start_ingress(self, **settings: str) -> str:
        """An ingress process that answers; returns its URL."""
        port = free_port()
        self._start("ingress", {"INGRESS_PORT": str(port), "WEBHOOK_SECRET": SECRET, **settings})
        return f"http://127.0.0.1:{port}"

    def start_command(self, *words: str, **settings: str) -> Child:
        """Any command of `person-changes`, as a process."""
        return self._start(words[0], settings, *words[1:])

    def command(self, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Any command of `person-changes`, until it has ended."""
        environment = {**os.environ, **self._environment(), **settings}
        line = [sys.executable, "-m", "cli", *words]
        return subprocess.run(
            line, env=environment, cwd=self.folder, capture_output=True, text=True, check=False, timeout=PATIENCE
        )

    def kill(self, child: Child) -> None:
        """As the kernel or a power cut would."""
        child.popen.send_signal(signal.SIGKILL)
        child.popen.wait()

    def stop(self, child: Child) -> int:
        """As a deployment would; returns the exit code, and shows what was said if it is not 0."""
        child.popen.send_signal(signal.SIGTERM)
        if code := child.popen.wait(PATIENCE):
            print(child.last_lines())  # noqa: T201  # shown by pytest when the test fails
        return code

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a statement."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(text.encode()).fetchall()

    def consumed(self) -> int:
        """How many records have an outcome."""
        return int(self.query("SELECT coalesce(sum(consumed), 0) FROM consumer_positions")[0][0])

    def applied(self) -> int:
        """How many changes have an outcome: what was consumed, without the ticks that consumers append."""
        return int(self.query("SELECT coalesce(sum(consumed - tick), 0) FROM consumer_positions")[0][0])

    def ends(self) -> dict[int, int]:
        """The log's end by partition."""
        return {partition: high for partition, (_, high) in self._watermarks().items()}

    def positions(self) -> dict[int, int]:
        """Next offsets in PostgreSQL, by partition."""
        return dict(self.query("SELECT kafka_partition, next_offset FROM consumer_positions"))

    def committed(self) -> dict[int, int]:
        """Next offsets that the group has committed to Kafka; only of partitions that have one."""
        with self._reader() as reader:
            found = reader.committed([TopicPartition(self.topic, p) for p in range(self.partitions)], timeout=10)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def settled(self) -> bool:
        """Whether all that the log has is applied and no refresh is pending."""
        # In this order: what the last record made due was committed with its position.
        ends, positions = self._watermarks(), self.positions()
        pending = self.query("SELECT count(*) FROM companies WHERE refresh_due_at IS NOT NULL")[0][0]
        return pending == 0 and all(
            low == high or positions.get(partition) == high for partition, (low, high) in ends.items()
        )

    def assigned(self, consumer: Child) -> bool:
        """Whether a consumer process has got partitions."""
        events = self.log_lines(consumer)
        return any(line["event"] == "partitions assigned" and line["partitions"] for line in events)

    def log_lines(self, child: Child) -> list[dict[str, Any]]:
        """What a process has logged."""
        lines = child.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def consumer_settings(self, **settings: Any) -> ConsumerSettings:
        """The same settings, for a consumer in this process."""
        names = {name.lower(): value for name, value in self._environment().items()}
        known = {name: value for name, value in names.items() if name in ConsumerSettings.model_fields}
        return ConsumerSettings.model_validate(known | settings)

    @contextmanager
    def consumer_here(self, clock: Callable[[], int] = time.time_ns, /, **settings: Any) -> Iterator[None]:
        """A consumer in a thread of this process, with this clock; what it raised is raised at the end."""
        stop, errors = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                consume(self.consumer_settings(**settings), stop, clock)
            except BaseException as error:  # noqa: BLE001  # raised below, in the test's own thread
                errors.append(error)

        thread = self.thread = threading.Thread(target=run, name="consumer")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if errors:
            raise errors[0]

    def stopped(self) -> bool:
        """Whether the consumer of this process has ended by itself."""
        return self.thread is not None and not self.thread.is_alive()

    def drain(self, **settings: Any) -> None:
        """Apply what is left of the log: a tick that was under way when the others stopped."""
        with self.consumer_here(**settings):
            wait_for("end of the log", lambda: self.stopped() or self.settled())

    def close(self) -> None:
        """End what was started."""
        for child in self.children:
            child.stop(signal.SIGKILL, 5)

    def _start(self, what: str, settings: dict[str, str], *words: str, line: list[str] | None = None) -> Child:
        folder = self.folder / f"{what}-{len(self.children)}"
        folder.mkdir()
        environment = {**os.environ, **self._environment(), **settings}
        child = spawn(what, line or [sys.executable, "-m", "cli", what, *words], folder, environment=environment)
        self.children.append(child)
        return child

    def _watermarks(self) -> dict[int, tuple[int, int]]:
        with self._reader() as reader:
            return {p: _watermarks(reader, TopicPartition(self.topic, p)) for p in range(self.partitions)}

    def _environment(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "DATABASE_URL": self.database_url,
            "PERSON_CHANGES_TOPIC": self.topic,
            "CONSUMER_GROUP": self.topic,
            "RESOLVER_GROUP": f"{self.topic}-resolver",
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            **self.settings,
        }

    @contextmanager
    def _reader(self) -> Iterator[Consumer]:
        reader = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.topic})
        try:
            yield reader
        finally:
            reader.close()
