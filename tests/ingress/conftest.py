"""The application in this process, on the session's servers or on none; a clock that stands still; signed requests."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from ingress.app import create_app
from ingress.settings import IngressSettings
from local.welcome import EXAMPLE
from schemas.codec import decode_change
from schemas.events import PersonChange
from tests.support.ingress_process import IngressProcess, start_ingress

T = TypeVar("T")

NOW: Final = 1_760_097_601_000
"""A second after the example of the original quick start happened."""
SECRET: Final = "the first secret of the tests"
NEXT_SECRET: Final = "the next secret of the tests"
TOKEN: Final = "a-token-for-tests-only"
PATH: Final = "/api/webhooks/person-change"
NOBODY: Final = "127.0.0.1:1"
_SECONDS: Final = 20.0

Content = bytes | AsyncIterator[bytes]


@dataclass(frozen=True)
class Record:
    """One record of the topic."""

    partition: int
    key: bytes
    headers: dict[str, bytes]
    change: PersonChange


@dataclass
class Ingress:
    """The application under its lifespan; the event loop turns only while `run` does.

    Attributes:
        now: what the application's clock shows, ms UTC.
    """

    settings: IngressSettings
    now: int = NOW
    _runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._stack.enter_context(self._runner)
        app = create_app(self.settings, lambda: self.now)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ingress", timeout=_SECONDS)
        self._stack.callback(lambda: self.run(self.client.aclose()))
        lifespan = app.router.lifespan_context(app)
        self.run(lifespan.__aenter__())
        self._stack.callback(lambda: self.run(lifespan.__aexit__(None, None, None)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine in the application's event loop."""
        return self._runner.run(work)

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        """The answer to a request without a body."""
        return self.run(self.client.request(method, path, headers=headers))

    def post(self, payload: Any, path: str = PATH, **headers: str) -> httpx.Response:
        """The answer to a JSON value, signed."""
        return self.run(self.send(json.dumps(payload).encode(), path, **headers))

    def post_bytes(self, body: bytes, path: str = PATH, **headers: str) -> httpx.Response:
        """The answer to any bytes, signed."""
        return self.run(self.send(body, path, **headers))

    async def send(self, body: bytes, path: str = PATH, **headers: str) -> httpx.Response:
        """The same, for several at once. Underscores in the names of headers are hyphens."""
        return await self.send_content(body, {**signed(body, self.now), **_hyphened(headers)}, path)

    async def send_content(self, content: Content, headers: Mapping[str, str], path: str = PATH) -> httpx.Response:
        """The answer to exactly this request; the content may come in parts."""
        return await self.client.post(path, content=content, headers=headers)

    def measured(self, name: str) -> float:
        """The value of a metric, its labels spelled as Prometheus does; 0 while it is not there."""
        lines = self.get("/metrics").text.splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} ")), 0.0)


def signed(body: bytes, timestamp: int, secret: str = SECRET) -> dict[str, str]:
    """The headers of a signed request, by the letter of the original's documentation."""
    signature = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"content-type": "application/json", "x-timestamp": str(timestamp), "x-signature": signature}


def _hyphened(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def sign() -> Callable[..., dict[str, str]]:
    """`sign(body, timestamp, secret)`: the headers of a signed request."""
    return signed


@pytest.fixture
def example() -> dict[str, Any]:
    """The payload of the original quick start."""
    return dict(json.loads(EXAMPLE))


def _made(**settings: Any) -> Ingress:
    nowhere = {"kafka_bootstrap_servers": NOBODY, "database_url": f"postgresql://{NOBODY}/nothing"}
    quiet = {"kafka_client_config": {"log_level": 0}, "publish_timeout_seconds": 0.2, "lookup_timeout_seconds": 0.01}
    chosen = {"webhook_secret": SECRET, "api_token": TOKEN, **nowhere, **quiet, **settings}
    return Ingress(IngressSettings.model_validate(chosen))


@pytest.fixture
def start() -> Iterator[Callable[..., Ingress]]:
    """Start the application with these settings; unless told otherwise there is neither broker nor database."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(_made(**settings))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., IngressProcess]]:
    """`run(*words, port=…, SETTING=…)`: an ingress process, without servers unless told; it ends with the test."""
    with ExitStack() as stack:

        def start(*words: str, port: int | None = None, **settings: str) -> IngressProcess:
            process = start_ingress(tmp_path, words, settings, port)
            stack.enter_context(process.popen)
            stack.callback(process.popen.kill)
            return process

        yield start


@pytest.fixture(scope="session")
def offline() -> Iterator[Ingress]:
    """The application without broker and database, shared by the tests to which its metrics do not matter."""
    with _made() as made:
        yield made


@pytest.fixture
def servers_of_test(kafka_bootstrap: str, topic: str, database_url: str) -> dict[str, Any]:
    """Settings of the session's servers, with a topic and a schema of this test's own; look-ups may take long."""
    return {
        "kafka_bootstrap_servers": kafka_bootstrap,
        "person_changes_topic": topic,
        "database_url": database_url,
        "publish_timeout_seconds": 15,
        "lookup_timeout_seconds": 5,
    }


@pytest.fixture
def ingress(servers_of_test: dict[str, Any], start: Callable[..., Ingress]) -> Ingress:
    """The application on the session's servers."""
    return start(**servers_of_test)


@pytest.fixture
def records(kafka_bootstrap: str, topic: str) -> Callable[[], list[Record]]:
    """Read all records of the test's topic, in the order of (partition, offset)."""

    def read() -> list[Record]:
        consumer = Consumer({"bootstrap.servers": kafka_bootstrap, "group.id": topic, "enable.auto.commit": False})
        try:
            found = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
            places = [TopicPartition(topic, number, 0) for number in sorted(found)]
            count = sum(consumer.get_watermark_offsets(place, timeout=_SECONDS)[1] for place in places)
            consumer.assign(places)
            messages = consumer.consume(count, timeout=_SECONDS) if count else []
        finally:
            consumer.close()
        assert len(messages) == count
        return [_record(m) for m in sorted(messages, key=lambda m: (m.partition() or 0, m.offset() or 0))]

    return read


def _record(message: Message) -> Record:
    assert message.error() is None
    partition, key = message.partition(), message.key()
    assert partition is not None
    assert isinstance(key, bytes)
    headers = {name: value for name, value in dict(message.headers() or []).items() if isinstance(value, bytes)}
    return Record(partition, key, headers, decode_change(message.value()))


@pytest.fixture
def inbox(database_url: str) -> Callable[..., None]:
    """`inbox(company, source, event)`: this change had its effect."""

    def insert(company: str, source: str, event: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "INSERT INTO webhook_events (company_id, source, event_id, type, occurred_at, received_at, log_time,"
                " outcome, kafka_partition, kafka_offset)"
                " VALUES (%s, %s, %s, 'person.promotion', now(), now(), now(), 'refreshed', 0, 0)",
                (company, source, event),
            )

    return insert
