"""What is measured is what docs/metrics.md says, and the numbers are right."""

import re
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from consumers.relay.metrics import RelayMetrics
from consumers.resolver.metrics import ResolverMetrics
from consumers.runtime.assignment import Assignment
from consumers.runtime.metrics import Metrics
from consumers.runtime.processor import OUTCOMES
from consumers.runtime.records import Record
from db.rows import PositionRow
from db.store import Store
from schemas.codec import encode_change
from tests.support.changes import NOW, change
from tests.support.consumption import PARTITIONS, consume, log_of, processor_for
from tests.support.system import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")


def table(title: str) -> list[list[str]]:
    """The lines of a section's table, without its head."""
    text = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert len(lines) > 2, f"there is no table under {title}"
    return lines[2:]


def measured(registry: CollectorRegistry) -> list[tuple[str, str, list[str]]]:
    """Name, type and labels of all metrics of a registry."""
    collectors: list[Any] = list(registry._collector_to_names)
    return sorted(
        (c._name + ("_total" if c._type == "counter" else ""), c._type, sorted(c._labelnames)) for c in collectors
    )


@pytest.mark.parametrize(
    ("title", "registry"),
    [
        ("Consumer", Metrics().registry),
        ("Relay", RelayMetrics().registry),
        ("Resolver", ResolverMetrics().registry),
    ],
    ids=["consumer", "relay", "resolver"],
)
def test_the_page_names_every_metric_and_no_other(title: str, registry: CollectorRegistry) -> None:
    """Name, type and labels; whoever makes a dashboard from the page finds what it says."""
    said = sorted((n.strip("`"), kind, sorted(re.findall(r"`(\w+)`", labels))) for n, kind, labels, _ in table(title))

    assert said == measured(registry)


def test_the_page_names_outcomes_and_phases() -> None:
    """The values of the labels."""
    meanings = {name.strip("`"): meaning for name, _, _, meaning in table("Consumer")}

    assert meanings["consumer_outcomes_total"].endswith(": " + ", ".join(OUTCOMES))
    assert meanings["consumer_batch_phase_seconds"].endswith(": load, fold, write")


def test_every_event_of_the_page_is_logged_somewhere() -> None:
    """Who searches the logs for a sentence of the page can find it."""
    code = "".join(path.read_text("utf-8") for path in (ROOT / "consumers").rglob("*.py"))
    for event, level, facts, _ in table("Logs"):
        sentence = event.strip("`")
        assert f'"{sentence}"' in code, sentence
        assert level in ("info", "warning", "error")
        assert all(f"{fact}=" in code for fact in re.findall(r"`(\w+)`", facts))


def test_lag_in_seconds_is_the_age_of_the_oldest_record_that_is_not_committed() -> None:
    """In work, waiting, or not even read; a partition without lag has none, one that is gone is forgotten."""
    assignment, metrics = Assignment(), Metrics(lambda: NOW + 60_000)
    assignment.add(range(4))
    for owned in assignment.unpositioned():
        assignment.position(owned, PositionRow(owned.partition, 0, NOW))
    for partition, offset, at in ((0, 0, 10_000), (1, 0, 20_000), (0, 1, 30_000), (1, 1, 40_000)):
        assignment.accept(Record(partition, offset, NOW + at, b"acme", encode_change(change()), ()))
    work = assignment.take(2, 1 << 20)
    metrics.lag({0: 2, 1: 2, 2: 5, 3: 0}, assignment.oldest())
    assert [lag(metrics, partition) for partition in range(4)] == [50, 40, 60, 0]

    assert work is not None
    assignment.commit(work, more_due=False)
    metrics.lag({0: 1, 1: 2}, assignment.oldest())
    assert [lag(metrics, partition) for partition in range(4)] == [30, 40, None, None]


def lag(metrics: Metrics, partition: int) -> float | None:
    """Of one partition, in seconds."""
    return metrics.registry.get_sample_value("consumer_lag_seconds", {"partition": str(partition)})


def test_freshness_is_the_age_of_the_oldest_change_that_no_refresh_covers(database_url: str) -> None:
    """Asked of the database, for the partitions of one consumer; it grows while nobody asks."""
    processor = processor_for(database_url)
    with processor.store:
        consume(processor, log_of([change(f"e{n}", company, title=f"CRO {n}") for n in range(3) for company in "abc"]))
        partitions = {r.partition for r in log_of([change(company=company) for company in "abc"])}
        elsewhere = [p for p in range(PARTITIONS) if p not in partitions]
        since = processor.store.oldest_pending(range(PARTITIONS))
        assert since == NOW + 3 * 7  # of the fourth record: the first three refreshed their companies
        assert processor.store.oldest_pending(elsewhere) is None
        assert processor.store.oldest_pending([]) is None

    now = [NOW + 10_021]
    metrics = Metrics(lambda: now[0])
    assert metrics.registry.get_sample_value("consumer_oldest_uncovered_change_seconds") == 0
    metrics.uncovered(since)
    assert metrics.registry.get_sample_value("consumer_oldest_uncovered_change_seconds") == 10
    now[0] += 5000
    assert metrics.registry.get_sample_value("consumer_oldest_uncovered_change_seconds") == 15


def test_a_closed_store_opens_again_for_a_question(database_url: str) -> None:
    """The question may be the first one after an outage."""
    with Store(database_url) as store:
        assert store.oldest_pending([0]) is None
        store.close()
        assert store.oldest_pending([0]) is None
