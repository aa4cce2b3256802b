"""The inbox forgets by age, on a real database: what is deleted, and that nobody can tell by anything else."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest

from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.digest import TABLES, digest
from schemas.events import ChangeType, Movement, PersonChange
from tests.support.changes import NOW, change, random_log
from tests.support.consumption import PARTITIONS, TOPIC, consume, log_of, processor_for
from tests.support.digest import rows

HOUR: Final = 3_600_000
DAYS: Final = 24 * HOUR
EVERYWHERE: Final = list(range(PARTITIONS))
OTHERS: Final = [table.name for table in TABLES if table.name not in ("webhook_events", "consumer_positions")]
WITHOUT_NEWS: Final = [
    change("e1", person="p1", title="CFO"),
    change("e2", person="p2", kind=ChangeType.PROMOTION),
    change("e3", person="p3", movement=Movement.JOINED, kind=ChangeType.COMPANY_CHANGE),
    change("e4", person="p3", movement=Movement.LEFT, kind=ChangeType.COMPANY_CHANGE, occurred_at=NOW + 1),
    change("e5", person="p2", kind=ChangeType.DEPARTMENT_CHANGE),
    replace(change("e6", person="p1", kind=ChangeType.ROLE_SET), role="blocker", requested_by="ann"),
    change("e7", person="p1", kind=ChangeType.ROLE_SET, occurred_at=NOW + 1),
    change("e8", person="p2", kind=ChangeType.OPTED_OUT, occurred_at=NOW + 1),
    change("e9", person="p4", company="globex"),
]
"""Of every type but one, some of them outdone by what comes after."""


def query(database_url: str, text: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(database_url) as conn:
        return conn.execute(text.encode()).fetchall()


def later(processor: Processor, changes: list[PersonChange], ms: int) -> list[Record]:
    """The changes as they stand in the log behind what was consumed, so much later than `NOW`."""
    ends = processor.store.positions(TOPIC, EVERYWHERE)
    return [
        record._replace(offset=record.offset + ends[record.partition].next_offset, timestamp=record.timestamp + ms)
        for record in log_of(changes)
    ]


def prune(processor: Processor, older_ms: int, limit: int = 1000, partitions: list[int] = EVERYWHERE) -> list[int]:
    """Prune until nothing is left to do; how many rows went by statement."""
    counts = [limit]
    while counts[-1] == limit:
        counts.append(processor.store.prune(TOPIC, partitions, older_ms, limit))
    return counts[1:]


def test_what_is_older_goes_from_the_partitions_that_are_asked_for(database_url: str) -> None:
    """By the partition's own log time, to the ms; in statements of a bounded size, and no other row."""
    inbox = "SELECT kafka_partition, kafka_offset FROM webhook_events"
    with (processor := processor_for(database_url)).store:
        consume(processor, log_of((change(f"e{n}", f"company {n}") for n in range(100)), HOUR))
        meant = f"{inbox} JOIN consumer_positions p USING (kafka_partition) WHERE kafka_partition IN (0, 2) AND "
        old = query(database_url, f"{meant} webhook_events.log_time <= p.log_time - interval '40 h'")
        before = query(database_url, inbox)

        counts = prune(processor, 40 * HOUR, 7, [0, 2])

    assert len(old) > 14
    assert sum(counts) == len(old)
    assert max(counts) == 7
    assert set(query(database_url, inbox)) == set(before) - set(old)


def test_a_duplicate_whose_row_is_gone_is_superseded(database_url: str) -> None:
    """Of any type that says something about people: rosters, groups, versions, refreshes and messages stay."""
    with (processor := processor_for(database_url, inbox_retention_days=90)).store:
        consume(processor, log_of(WITHOUT_NEWS))
        ticked = [change("t1", kind="other.type"), change("t2", "globex", kind="other.type")]
        consume(processor, later(processor, ticked, 91 * DAYS))  # what was pending is refreshed
        assert sum(prune(processor, 90 * DAYS)) == len(WITHOUT_NEWS)
        before = {table: rows(database_url, table) for table in OTHERS}

        results = consume(processor, later(processor, WITHOUT_NEWS, 92 * DAYS))

    outcomes = Counter[str]()
    for result in results:
        outcomes.update(result.outcomes)
    assert outcomes["superseded"] + outcomes["ignored"] == len(WITHOUT_NEWS)
    assert outcomes["ignored"] == 2, "what was said of somebody who has opted out"
    assert {table: rows(database_url, table) for table in OTHERS} == before


def test_a_refresh_request_whose_row_is_gone_costs_one_refresh(database_url: str) -> None:
    """It is always news; but a group that is the same gets no version, and nobody is told."""
    request = change("click", person=None, kind=ChangeType.REFRESH_REQUESTED)
    with (processor := processor_for(database_url, inbox_retention_days=90)).store:
        consume(processor, log_of([change("e1"), request]))
        consume(processor, later(processor, [change("t", kind="other.type")], 91 * DAYS))
        prune(processor, 90 * DAYS)
        same = [table for table in OTHERS if table not in ("companies", "buyer_group_refresh_logs", "buyer_groups")]
        before = {table: rows(database_url, table) for table in same}
        version = query(database_url, "SELECT version FROM buyer_groups")

        (result,) = consume(processor, later(processor, [request], 92 * DAYS))

    assert result.refreshes == result.outcomes["refreshed"] == 1
    assert query(database_url, "SELECT version FROM buyer_groups") == version
    changed = {table for table in same if rows(database_url, table) != before[table]}
    assert changed <= {"pipeline_operations"}, "that the group was computed is recorded"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_when_rows_are_deleted_decides_nothing(database_url: str, make_database: Callable[[], str], seed: int) -> None:
    """L6: pruned at every batch, or never: one digest; who is a duplicate follows from the log and the setting."""
    rng, retention = random.Random(seed), 4000
    said = [*random_log(seed, 300, companies=10)]
    log = log_of([*said, *rng.sample(said, 150), *said[:100]], step_ms=20)
    other = make_database()
    settings = {"inbox_retention_days": retention / DAYS, "refresh_interval_seconds": 2}
    settings["topic_retention_hours"] = retention / HOUR
    with (never := processor_for(database_url, **settings)).store:
        consume(never, log)
    with (often := processor_for(other, **settings)).store:
        for end in range(0, len(log), 50):
            consume(often, log[: end + 50], [rng.choice([1, 3, 20]) for _ in range(9)])
            prune(often, retention)

    assert len(rows(other, "webhook_events")) < len(rows(database_url, "webhook_events"))
    assert digest(other, TOPIC, retention) == digest(database_url, TOPIC, retention)
    assert query(database_url, "SELECT 1 FROM webhook_events WHERE deliveries > 1 LIMIT 1"), (
        "duplicates are still found"
    )
    forgotten = "SELECT 1 FROM webhook_events WHERE outcome = 'superseded' AND kafka_offset > 40 LIMIT 1"
    assert query(database_url, forgotten)


def test_the_index_finds_what_is_old(database_url: str) -> None:
    """A sweep that finds nothing reads no more than the edge of each partition."""
    with (processor := processor_for(database_url)).store:
        consume(processor, log_of(random_log(1, 1500, 100)))
    statement = processor.store._sql["prune_inbox"]
    wanted = {"topic": TOPIC, "kafka_partition": EVERYWHERE, "older_ms": DAYS, "limit": 10}
    with psycopg.connect(database_url) as conn:
        conn.execute("ANALYZE")
        plan = conn.execute(f"EXPLAIN {statement}".encode(), wanted).fetchall()
    assert "webhook_events_by_age" in str(plan)
