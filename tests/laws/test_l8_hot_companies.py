"""L8 and L3 for a company that has as many changes as ten thousand others together."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from db.rows import BatchWrites
from tests.support.changes import NOW, change
from tests.support.consumption import consume, log_of, processor_for

HOT, CHANGES, OTHERS, PEOPLE = "hot", 10_000, 10_000, 50
BESIDE, BATCH = 1500, 300
MOST_STATEMENTS = 30
TITLES = ("CRO", "VP Sales", "Head of IT", "Buyer")


@pytest.mark.slow
def test_a_hot_company_is_one_write_a_batch_and_its_changes_stay_in_order(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten thousand changes of one company among ten thousand others: each of these is applied and refreshed."""
    changes = []
    for n in range(CHANGES):
        changes.append(change(f"h{n:05d}", HOT, f"p{n % PEOPLE}", TITLES[n // PEOPLE % 4], occurred_at=NOW + n))
        changes.append(change(f"o{n:05d}", f"other {n}"))
    processor = processor_for(database_url, refresh_interval_seconds=3)
    written: list[BatchWrites] = []
    honest = processor.store.write

    def writing(batch: BatchWrites) -> None:
        written.append(batch)
        honest(batch)

    monkeypatch.setattr(processor.store, "write", writing)
    with processor.store:
        results = consume(processor, log_of(changes, step_ms=1))

    assert sum(result.outcomes["dead_letter"] + result.outcomes["duplicate"] for result in results) == 0
    for batch in written:
        assert sum(row.company_id == HOT for row in batch.companies) <= 1
        people = Counter(row.person_id for row in batch.employments if row.company_id == HOT)
        assert max(people.values(), default=0) <= 1
    assert_in_order(written)
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT count(DISTINCT company_id), count(*) FROM buyer_groups").fetchone()
        titles = connection.execute("SELECT person_id, title FROM roster WHERE company_id = %s", (HOT,)).fetchall()
    assert found == (OTHERS + 1, OTHERS + 1)
    assert dict(titles) == {f"p{n % PEOPLE}": TITLES[n // PEOPLE % 4] for n in range(CHANGES - PEOPLE, CHANGES)}


def test_others_wait_no_longer_beside_a_hot_company_than_beside_calm_ones(
    make_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it takes no more batches, each of as few statements, and fewer rows: nobody has more to wait for."""
    hot = batches_of(make_database(), monkeypatch, lambda n: change(f"b{n}", HOT, f"p{n % PEOPLE}", TITLES[n % 4]))
    calm = batches_of(make_database(), monkeypatch, lambda n: change(f"b{n}", f"calm {n}", f"p{n % PEOPLE}"))

    rows = ("companies", "employments", "refreshes", "groups", "members", "changes", "outbox", "past_members")
    assert len(hot) <= len(calm) == 2 * BESIDE // BATCH
    assert max(statements for _, statements in hot) <= MOST_STATEMENTS
    assert others_of(hot) == others_of(calm)
    for name in rows:
        assert sum(len(getattr(batch, name)) for batch, _ in hot) < sum(len(getattr(batch, name)) for batch, _ in calm)


def batches_of(
    database_url: str, monkeypatch: pytest.MonkeyPatch, beside: Callable[[int], Any]
) -> list[tuple[BatchWrites, int]]:
    """What each batch writes, and in how many statements, when changes of others take turns with these."""
    changes = [one for n in range(BESIDE) for one in (beside(n), change(f"o{n}", f"other {n}"))]
    processor = processor_for(database_url, refresh_interval_seconds=3600)
    written, executed = list[tuple[BatchWrites, int]](), list[object]()
    honest, execute = processor.store.write, psycopg.Connection.execute

    def counting(connection: Any, text: Any, *more: Any) -> Any:
        executed.append(text)
        return execute(connection, text, *more)

    def writing(batch: BatchWrites) -> None:
        honest(batch)
        written.append((batch, len(executed)))
        executed.clear()

    with monkeypatch.context() as patch, processor.store:
        patch.setattr(psycopg.Connection, "execute", counting)
        patch.setattr(processor.store, "write", writing)
        consume(processor, log_of(changes, step_ms=1), [BATCH] * (2 * BESIDE // BATCH))
    return written


def others_of(written: list[tuple[BatchWrites, int]]) -> list[str]:
    """The changes of the others that are committed."""
    return sorted(row.event_id for batch, _ in written for row in batch.events if row.company_id.startswith("other "))


def assert_in_order(written: list[BatchWrites]) -> None:
    """The hot company's changes reach the inbox as they were published; its refreshes keep the interval."""
    events = [row.event_id for batch in written for row in batch.events if row.company_id == HOT]
    assert events == [f"h{n:05d}" for n in range(CHANGES)]
    refreshes = [row for batch in written for row in batch.refreshes if row.company_id == HOT]
    assert [row.log_time for row in refreshes] == sorted({row.log_time for row in refreshes})
    assert all(b.log_time - a.log_time >= 3000 for a, b in pairwise(refreshes))
    assert 5 <= len(refreshes) <= 8
