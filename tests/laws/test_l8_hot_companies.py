"""L8 and L3 for a company that has as many changes as ten thousand others together."""

from collections import Counter
from itertools import pairwise

import psycopg
import pytest

from db.rows import BatchWrites
from tests.support.changes import NOW, change
from tests.support.consumption import consume, log_of, processor_for

HOT, CHANGES, OTHERS, PEOPLE = "hot", 10_000, 10_000, 50
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


def assert_in_order(written: list[BatchWrites]) -> None:
    """The hot company's changes reach the inbox as they were published; its refreshes keep the interval."""
    events = [row.event_id for batch in written for row in batch.events if row.company_id == HOT]
    assert events == [f"h{n:05d}" for n in range(CHANGES)]
    refreshes = [row for batch in written for row in batch.refreshes if row.company_id == HOT]
    assert [row.log_time for row in refreshes] == sorted({row.log_time for row in refreshes})
    assert all(b.log_time - a.log_time >= 3000 for a, b in pairwise(refreshes))
    assert 5 <= len(refreshes) <= 8
