"""The relay against a Kafka producer that does nothing else, how long an update takes, and what waiting costs.

- ours: an outbox of one version each of many groups, emptied by the relay;
- the limit: the same messages in Kafka transactions of the same size, without a database;
- latency: one update at a time, from its commit in PostgreSQL to its arrival at a receiver;
- idle: processor time of a relay process for which nothing waits.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

import psutil
import psycopg
from confluent_kafka import Consumer, TopicPartition
from pydantic import SecretStr

from bench.world import BenchError, World, say
from consumers.relay.order import message_of
from consumers.relay.run import Relay
from consumers.relay.sender import TransactionalSender
from consumers.relay.settings import RelaySettings
from db.rows import OutboxRow
from local.process import free_port
from schemas.admin import ensure_topics
from schemas.codec import Codec

TOPIC: Final = "bench-updates"
ROUNDS: Final = 3
MESSAGES_A_SECOND: Final = 1000
"""Of the time that the measurement may take."""
LATENCIES: Final = 100
PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class RelayFigures:
    """What was measured; messages a second by round, latencies in seconds, idle as a share of one core."""

    messages: int
    ours: tuple[float, ...]
    bare: tuple[float, ...]
    p50: float
    p99: float
    idle: float

    @property
    def ratio(self) -> float:
        """The relay's share of the bare producer's rate, the rounds' median."""
        return statistics.median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))


def measure_relay(world: World, seconds: float) -> RelayFigures:
    """Empty outboxes, send without one, and wait.

    Args:
        world: the servers.
        seconds: how long it may take, about.

    Raises:
        BenchError: an update does not arrive.
    """
    url = world.database("bench_relay")
    settings = RelaySettings(
        database_url=SecretStr(url), kafka_bootstrap_servers=world.bootstrap, buyer_group_updates_topic=TOPIC
    )
    ensure_topics(settings)
    rows = list(_rows(max(2000, round(seconds * MESSAGES_A_SECOND))))
    ours, bare = [], []
    for number in range(ROUNDS):
        bare.append(_send(settings, rows))
        ours.append(_drain(settings, url, rows))
        say(f"relay: round {number + 1} of {ROUNDS}, {ours[-1]:,.0f} messages/s of {bare[-1]:,.0f}")
    latencies = sorted(_latencies(settings, url))
    idle = _idle(world, url, max(3.0, seconds / 10))
    p50, p99 = statistics.median(latencies), latencies[round(len(latencies) * 0.99) - 1]
    return RelayFigures(len(rows), tuple(ours), tuple(bare), p50, p99, idle)


def _rows(count: int) -> Iterator[OutboxRow]:
    codec, now = Codec("buyer_group_updated"), time.time_ns() // 1_000_000
    change = {"kind": "joined", "person_id": "p", "name": "John Doe", "after": "champion", "why": "director of sales"}
    for number in range(count):
        company = f"company_{number:06d}"
        cause = {"kind": "CHANGES", "event_ids": [f"evt_{number:08d}"]}
        told = {"workspace_id": "default", "company_id": company, "version": 1, "refreshed_at": now}
        yield OutboxRow(
            company, "default", 1, TOPIC, codec.encode({**told, "cause": cause, "changes": [change] * 3}), now
        )


def _send(settings: RelaySettings, rows: Sequence[OutboxRow]) -> float:
    with closing(TransactionalSender(settings, "bench", lambda: False)) as sender:
        began, size = time.monotonic(), settings.relay_batch_messages
        for start in range(0, len(rows), size):
            sender.send([message_of(row) for row in rows[start : start + size]])
        return len(rows) / (time.monotonic() - began)


def _drain(settings: RelaySettings, url: str, rows: Sequence[OutboxRow]) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        _insert(connection, rows)
        connection.execute("VACUUM ANALYZE outbox")
        with _relaying(settings) as relay:
            _until(lambda: not relay.ready() and _sent(relay) > 0)
            began, before = time.monotonic(), _sent(relay)
            _until(lambda: _sent(relay) == len(rows))
            return (len(rows) - before) / (time.monotonic() - began)


def _insert(connection: psycopg.Connection, rows: Sequence[OutboxRow]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("INSERT INTO outbox VALUES (%s, %s, %s, %s, %s, from_ms(%s))", rows)


@contextmanager
def _relaying(settings: RelaySettings) -> Iterator[Relay]:
    stop = threading.Event()
    relay = Relay(settings, stop)
    thread = threading.Thread(target=relay.run, name="relay")
    thread.start()
    try:
        yield relay
    finally:
        stop.set()
        thread.join()


def _latencies(settings: RelaySettings, url: str) -> Iterator[float]:
    receiver = Consumer({"bootstrap.servers": settings.kafka_bootstrap_servers, "group.id": "bench-receiver"})
    with psycopg.connect(url, autocommit=True) as connection, _relaying(settings) as relay, closing(receiver):
        places = [TopicPartition(TOPIC, partition) for partition in range(settings.topic_partitions)]
        ends = [receiver.get_watermark_offsets(place)[1] for place in places]
        receiver.assign([TopicPartition(TOPIC, p.partition, end) for p, end in zip(places, ends, strict=True)])
        receiver.poll(1.0)
        _until(lambda: not relay.ready())
        for row in _rows(LATENCIES):
            _insert(connection, [row])
            committed = time.monotonic()
            _until(lambda: (message := receiver.poll(1.0)) is not None and message.error() is None)
            yield time.monotonic() - committed


def _idle(world: World, url: str, seconds: float) -> float:
    port = free_port()
    settings = {"DATABASE_URL": url, "BUYER_GROUP_UPDATES_TOPIC": TOPIC, "RELAY_HTTP_PORT": str(port)}
    with world.running("relay", ["cli", "relay"], settings, port) as child:
        process = psutil.Process(child.popen.pid)
        before, began = process.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after = process.cpu_times()
        return (after.user + after.system - before.user - before.system) / (time.monotonic() - began)


def _sent(relay: Relay) -> float:
    return relay.metrics.registry.get_sample_value("relay_messages_total") or 0.0


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise BenchError("the relay does not relay")
        time.sleep(0.001)
