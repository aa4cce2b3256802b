"""The consumer against the limit of its own SQL, and against one transaction a change.

All three do the same changes on equal copies of one database, in which every company has its roster, its group and an
inbox. Changes are title changes, each of them news; a company's first one refreshes its group, the others are deferred,
because the last refresh of every company is two hours back.

- ours: `person-changes consumer`, as one process and as deployed, a process a core, drains a topic that was filled
  before; changes a second by `consumer_positions`, without its start and the tail (`bench.progress`);
- the limit: the statements of the same writes, recorded (`bench.tape`) from the real consumer at the same topic, played
  back by one connection that does nothing else;
- one at a time: the same consumer with `BATCH_MAX_RECORDS=1` and `CONSUMER_LANES=1`, for a few seconds.

The first three take turns, so that what else happens on the machine meets both; ratios are the rounds' median.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import psycopg
from confluent_kafka import KafkaError, Message, Producer
from pydantic import SecretStr

from bench.gate import closed, wait_until_shared
from bench.progress import LOOK_SECONDS, STALL_SECONDS, TOPIC, Pace, Sample, consumed, pace, watch
from bench.tape import Tape, recording
from bench.workload import PARTITIONS, Feed, Workload, chunks
from bench.world import BenchError, World, free_ports, say
from cli.cores import usable_cores
from consumers.runtime.processor import Processor
from consumers.runtime.run import consume
from consumers.settings import ConsumerSettings
from db.store import Store
from local.process import LOOPBACK
from schemas.admin import ensure_topics
from schemas.codec import encode_change
from schemas.events import PersonChange
from schemas.settings import KafkaSettings
from schemas.topics import change_headers, company_key

ROUNDS: Final = 3
TEMPLATE: Final = "bench_rosters"
COMPANIES_A_SECOND: Final = 130
"""Of the time that the measurement may take."""
CHANGES_A_COMPANY: Final = 6
LEAST_COMPANIES: Final = 200
ROSTER_BATCH: Final = 4000
HOUR_MS: Final = 3_600_000
FILL_SECONDS: Final = 60.0
COUNTED_SIZES: Final = (1, 100, 2000)
COUNTED_BATCHES: Final = (30, 5, 2)


@dataclass(frozen=True, slots=True)
class ConsumerFigures:
    """What was measured, in changes a second; each tuple has one value a round.

    Attributes:
        ours: one process.
        deployed: a process a core.
        processes: that is to say, so many.
        bare: the limit.
        cpu, deployed_cpu: processor seconds a change of one process, and of a process a core.
        single: one transaction a change.
        refreshes: changes that refreshed their company's group, of all `changes` of a drain.
        statements: (least, most) SQL statements of a batch by its records: reads and writes, without BEGIN and COMMIT.
    """

    companies: int
    changes: int
    refreshes: int
    processes: int
    ours: tuple[float, ...]
    deployed: tuple[float, ...]
    bare: tuple[float, ...]
    cpu: tuple[float, ...]
    deployed_cpu: tuple[float, ...]
    single: float
    statements: Mapping[int, tuple[int, int]]

    @property
    def ratio(self) -> float:
        """One process's share of the rate of its bare SQL, the rounds' median."""
        return median(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))

    @property
    def deployed_ratio(self) -> float:
        """The same of a process a core, against the same bare SQL on one connection."""
        return median(deployed / bare for deployed, bare in zip(self.deployed, self.bare, strict=True))

    @property
    def speed_up(self) -> float:
        """How many times as fast as one transaction a change."""
        return median(self.ours) / self.single


def measure_consumer(world: World, seconds: float) -> ConsumerFigures:
    """Drain, play back, and process one at a time.

    Args:
        world: the servers.
        seconds: how long the whole may take, about; the number of companies and changes follows from it.

    Raises:
        BenchError: a consumer did not do what it should.
        LocalServerError: a consumer does not start, or ended.
    """
    workload = Workload(max(LEAST_COMPANIES, round(seconds * COMPANIES_A_SECOND)))
    _preload(world, workload)
    count = workload.companies * CHANGES_A_COMPANY
    changes = workload.title_changes(count)
    statements = _count_statements(world, changes)
    _fill(world, changes)
    tape = _record(world, count)
    rounds = [_round(world, number, tape, count) for number in range(ROUNDS)]
    single = _single(world, seconds / 10, count)
    one, many, bare, refreshes = zip(*rounds, strict=True)
    (ours, cpu), (deployed, deployed_cpu) = zip(*one, strict=True), zip(*many, strict=True)
    size, refreshed = (workload.companies, count), refreshes[0]
    rates, cpus = (ours, deployed, bare), (cpu, deployed_cpu)
    return ConsumerFigures(*size, refreshed, _processes(), *rates, *cpus, single, statements)


def _processes() -> int:
    """How many `person-changes consumer` starts when nobody tells it."""
    return min(usable_cores(), PARTITIONS)


def _settings(world: World, url: str, **more: object) -> ConsumerSettings:
    values = {
        "database_url": SecretStr(url),
        "kafka_bootstrap_servers": world.bootstrap,
        "person_changes_topic": TOPIC,
        "buyer_group_updates_topic": f"{TOPIC}-out",
        "topic_partitions": PARTITIONS,
        "consumer_group": f"bench-{time.monotonic_ns()}",
    }
    return ConsumerSettings.model_validate(values | more)


def _preload(world: World, workload: Workload) -> None:
    """Rosters, groups and inbox as the real processor makes them; the last refresh is two hours back."""
    began, url = time.monotonic(), world.database(TEMPLATE)
    settings = _settings(world, url, person_changes_topic="bench-rosters")
    feed = Feed(time.time_ns() // 1_000_000 - 3 * HOUR_MS)
    with Store(url) as store:
        for topic in ("bench-rosters", TOPIC):
            store.positions(topic, range(PARTITIONS))
        processor = Processor(store, settings)
        for chunk in chunks(workload.rosters(), ROSTER_BATCH):
            processor.process(feed.batch(chunk))
        feed.log_time += HOUR_MS
        while processor.process(feed.silence()).more_due:
            pass
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    say(f"consumer: {workload.companies:,} companies with their rosters, {time.monotonic() - began:.0f} s")


def _fill(world: World, changes: Sequence[PersonChange]) -> None:
    """The changes in the topic, as ingress publishes them."""
    began, broken = time.monotonic(), []
    settings = KafkaSettings(
        kafka_bootstrap_servers=world.bootstrap,
        person_changes_topic=TOPIC,
        buyer_group_updates_topic=f"{TOPIC}-out",
        topic_partitions=PARTITIONS,
    )
    ensure_topics(settings)

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            broken.append(error.str())

    producer = Producer(settings.producer_config("bench"))
    for chunk in chunks(changes, ROSTER_BATCH):
        for change in chunk:
            key, value, headers = company_key(change.company.id), encode_change(change), change_headers(change)
            producer.produce(TOPIC, value, key, headers=headers, on_delivery=delivered)
        producer.flush(FILL_SECONDS)
    if broken or len(producer):
        raise BenchError(f"the topic could not be filled: {broken[:1] or 'the broker did not acknowledge'}")
    say(f"consumer: {len(changes):,} changes in the topic, {time.monotonic() - began:.0f} s")


def _count_statements(world: World, changes: Sequence[PersonChange]) -> Mapping[int, tuple[int, int]]:
    """Statements of batches of several sizes, by the real processor."""
    counted: dict[int, tuple[int, int]] = {}
    rest = iter(changes)
    with world.copy(TEMPLATE) as url, recording(url) as tape, Store(url) as store:
        store.positions("bench-count", range(PARTITIONS))
        processor, feed = Processor(store, _settings(world, url, person_changes_topic="bench-count")), _Counter(tape)
        for size, batches in zip(COUNTED_SIZES, COUNTED_BATCHES, strict=True):
            chunk = [change for _, change in zip(range(size * batches), rest, strict=False)]
            counted[size] = feed.count(processor, chunk, size)
    return counted


class _Counter:
    """Counts what the processor says, at the log time of now."""

    def __init__(self, tape: Tape) -> None:
        self._tape, self._feed = tape, Feed(time.time_ns() // 1_000_000)

    def count(self, processor: Processor, changes: Sequence[PersonChange], size: int) -> tuple[int, int]:
        """The least and the most statements of batches of this size."""
        counts = []
        for chunk in chunks(changes, size):
            self._tape.said = 0
            processor.process(self._feed.batch(chunk))
            counts.append(self._tape.said)
        return min(counts), max(counts)


def _record(world: World, count: int) -> Tape:
    """The writes of the real consumer, in this process, at the whole topic."""
    began = time.monotonic()
    with world.copy(TEMPLATE) as url, recording(url) as tape:
        stop, failed = threading.Event(), list[BaseException]()

        def run() -> None:
            try:
                consume(_settings(world, url), stop)
            except BaseException as error:  # noqa: BLE001  # raised below, in the thread that waits
                failed.append(error)

        thread = threading.Thread(target=run, name="recorded consumer", daemon=True)
        thread.start()
        try:
            while sum(tape.records) < count and thread.is_alive() and time.monotonic() - began < STALL_SECONDS:
                time.sleep(LOOK_SECONDS)
        finally:
            stop.set()
            thread.join(STALL_SECONDS)
    # More than the changes: a consumer that does not know the broker's time yet may ask for it with a tick.
    if failed or sum(tape.records) < count:
        raise BenchError(f"the recorded consumer did {sum(tape.records)} of {count} changes: {failed}")
    say(f"consumer: writes of {len(tape.batches)} batches recorded, {time.monotonic() - began:.0f} s")
    return tape


def _round(world: World, number: int, tape: Tape, count: int) -> tuple[Pace, Pace, float, int]:
    """One process, a process a core, the limit, and how many changes refreshed."""
    with world.copy(TEMPLATE) as url:
        ours = pace(_drain(world, url, 1, count, STALL_SECONDS), count)
        refreshed = consumed(url)["refreshed"]
    with world.copy(TEMPLATE) as url:
        deployed = pace(_drain(world, url, _processes(), count, STALL_SECONDS), count)
    with world.copy(TEMPLATE) as url:
        bare = count / tape.play(url)
        if (played := consumed(url))["consumed"] < count:
            raise BenchError(f"only {played['consumed']} of {count} changes were written by the recording")
    shares = f"{ours.rate:,.0f}/s and {deployed.rate:,.0f}/s of {bare:,.0f}/s"
    say(f"consumer, round {number + 1} of {ROUNDS}: {shares}, {ours.rate / bare:.0%} and {deployed.rate / bare:.0%}")
    return ours, deployed, bare, refreshed


def _single(world: World, seconds: float, count: int) -> float:
    with world.copy(TEMPLATE) as url:
        one = {"BATCH_MAX_RECORDS": "1", "CONSUMER_LANES": "1"}  # one transaction a change, one at a time
        samples = _drain(world, url, 1, count, max(2.0, seconds), one)
    reached = pace(samples, samples[-1].done).rate
    say(f"consumer, one transaction a change: {reached:,.0f}/s")
    return reached


def _drain(
    world: World, url: str, workers: int, count: int, seconds: float, more: Mapping[str, str] | None = None
) -> list[Sample]:
    """Run a consumer until it has done all, or so long; what it had done when.

    Args:
        world: the servers.
        url: of its database.
        workers: processes.
        count: all there are.
        seconds: from its first change on.
        more: settings.
    """
    port, group = free_ports(_processes()), f"bench-{time.monotonic_ns()}"
    settings = {
        "DATABASE_URL": url,
        "DATABASE_STATEMENT_TIMEOUT_SECONDS": str(STALL_SECONDS),
        "PERSON_CHANGES_TOPIC": TOPIC,
        "CONSUMER_GROUP": group,
        "CONSUMER_HTTP_HOST": LOOPBACK,
        "CONSUMER_HTTP_PORT": str(port),
        "TOPIC_PARTITIONS": str(PARTITIONS),
        **(more or {}),
    }
    with (
        closed(url) as begin,
        world.starting("consumer", ["cli", "consumer", "--workers", str(workers)], settings) as child,
    ):
        wait_until_shared(world.bootstrap, group, workers, PARTITIONS)
        begin()
        return watch(child, url, count, seconds)
