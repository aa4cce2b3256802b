"""What a hot company costs the others: the delay of ten thousand companies' changes, with and without it beside them.

The same load twice, at the same pace, through the same consumer: one half of it is one change each of ten thousand
companies; the other half is spread over as many further companies (calm), or all of it is one company's (hot). The
delay of a change is from the broker's time to the end of its refresh, which the consumer writes down.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Final

import psycopg
from confluent_kafka import Producer

from bench.workload import PARTITIONS
from bench.world import BenchError, World, say
from local.process import LOOPBACK, free_port
from schemas.admin import ensure_topics
from schemas.codec import encode_change
from schemas.events import ChangeType, Company, Movement, Person, PersonChange
from schemas.settings import KafkaSettings
from schemas.topics import change_headers, company_key

COMPANIES: Final = 10_000
PACE: Final = 1000
"""Changes a second, the half of them the others'."""
WARM_UP: Final = 1000
ROUNDS: Final = 2
PATIENCE_S: Final = 60.0
BURST_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class HotFigures:
    """Delays of the others' changes in seconds, each tuple with one value a round."""

    calm_p50: tuple[float, ...]
    calm_p99: tuple[float, ...]
    hot_p50: tuple[float, ...]
    hot_p99: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The others' p99 beside a hot company, against that beside calm ones, the rounds' median."""
        return median(self.hot_p99) / median(self.calm_p99)


def measure_hot(world: World, seconds: float) -> HotFigures:
    """Publish at a pace, calm and hot in turns.

    Args:
        world: the servers.
        seconds: how long it may take, about; the number of companies follows from it.

    Raises:
        BenchError: a consumer does not keep up.
    """
    companies = min(COMPANIES, max(1000, round(seconds / ROUNDS / 2 * PACE / 2)))
    calm, hot = list[tuple[float, float]](), list[tuple[float, float]]()
    for number in range(ROUNDS):
        for kind, found in (("calm", calm), ("hot", hot)):
            found.append(_run(world, f"bench-{kind}-{number}", companies, kind == "hot"))
            p50, p99 = found[-1]
            say(f"{kind}, round {number + 1} of {ROUNDS}: p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms")
    return HotFigures(
        tuple(p for p, _ in calm), tuple(p for _, p in calm), tuple(p for p, _ in hot), tuple(p for _, p in hot)
    )


def _run(world: World, topic: str, companies: int, hot: bool) -> tuple[float, float]:
    """p50 and p99 of the others."""
    url, port = world.database(topic.replace("-", "_")), free_port()
    kafka = KafkaSettings(
        kafka_bootstrap_servers=world.bootstrap,
        person_changes_topic=topic,
        buyer_group_updates_topic=f"{topic}-out",
        topic_partitions=PARTITIONS,
    )
    ensure_topics(kafka)
    settings = {"DATABASE_URL": url, "PERSON_CHANGES_TOPIC": topic, "CONSUMER_GROUP": topic}
    probes = {"CONSUMER_HTTP_HOST": LOOPBACK, "CONSUMER_HTTP_PORT": str(port)}
    with world.running("consumer", ["cli", "consumer", "--workers", "1"], {**settings, **probes}, port):
        _publish(kafka, companies, hot)
        _await(url, 2 * (WARM_UP + companies))
    return _delays(url)


def _publish(settings: KafkaSettings, companies: int, hot: bool) -> None:
    producer = Producer(settings.producer_config("bench"))
    began, sent = time.monotonic(), 0
    names = [f"warm {n}" for n in range(WARM_UP)] + [f"other {n}" for n in range(companies)]
    for number, name in enumerate(names):
        for company in (name, "hot" if hot else f"further {number}"):
            change = _change(f"evt_{number:06d}", company, number)
            producer.produce(
                settings.person_changes_topic,
                encode_change(change),
                company_key(company),
                headers=change_headers(change),
            )
            sent += 1
        producer.poll(0)
        ahead = sent / PACE - (time.monotonic() - began)
        if ahead > BURST_SECONDS:
            time.sleep(ahead)
    if producer.flush(PATIENCE_S):
        raise BenchError("the broker did not acknowledge in time")


def _change(event_id: str, company: str, number: int) -> PersonChange:
    now = time.time_ns() // 1_000_000
    person = Person(
        f"p{number % 50}", "John Doe", title=("Chief Revenue Officer", "VP Sales", "Buyer")[number // 50 % 3]
    )
    return PersonChange(event_id, "bench", ChangeType.ROLE_CHANGE, now, now, Company(company), Movement.NONE, person)


def _await(url: str, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT coalesce(sum(consumed), 0) FROM consumer_positions").fetchone() != (count,):
            if time.monotonic() > deadline:
                raise BenchError(f"the consumer did not do {count} changes in {PATIENCE_S:.0f} s")
            time.sleep(0.05)


def _delays(url: str) -> tuple[float, float]:
    query = """
        SELECT percentile_disc(array[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - log_time))
        FROM buyer_group_refresh_logs WHERE company_id LIKE 'other %'
    """
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    if row is None or row[0] is None:
        raise BenchError("no refresh was measured")
    p50, p99 = row[0]
    return float(p50), float(p99)
