"""L8: all of a company's changes in a batch are one read and one write; all companies share the same statements."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from consumers.runtime.processor import Processor
from db.rows import BatchWrites
from tests.support.changes import NOW, change, random_log
from tests.support.consumption import consume, log_of, processor_for, shifted


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """On this test's database."""
    made = processor_for(database_url)
    with made.store:
        yield made


def test_the_cost_follows_companies_not_changes(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    """L8: a batch of any size is the same number of statements."""
    executed: list[str] = []
    honest = psycopg.Connection.execute

    def counting(connection: Any, text: Any, *more: Any) -> Any:
        executed.append(text)
        return honest(connection, text, *more)

    counted = []
    for size in (10, 100, 1000):
        log = shifted(processor, log_of(random_log(size, size, companies=size // 5)))
        with monkeypatch.context() as patch:
            patch.setattr(psycopg.Connection, "execute", counting)
            (result,) = consume(processor, log, [size])
        assert result.records == size
        counted.append(len(executed))
        executed.clear()

    assert counted[0] == counted[1] == counted[2]
    assert counted[0] < 30


def test_a_company_is_written_once_a_batch(processor: Processor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand changes of one person are one row of the company, one of the person, one refresh."""
    written: list[BatchWrites] = []
    honest = processor.store.write

    def writing(batch: BatchWrites) -> None:
        written.append(batch)
        honest(batch)

    monkeypatch.setattr(processor.store, "write", writing)
    changes = [change(f"e{n}", title=f"Title {n}", occurred_at=NOW + n) for n in range(1000)]

    consume(processor, log_of(changes, step_ms=1))

    (batch,) = written
    assert (len(batch.companies), len(batch.employments), len(batch.refreshes), len(batch.events)) == (1, 1, 1, 1000)
