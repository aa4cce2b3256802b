"""The store: all effects of a batch or none, and never on top of what somebody else wrote meanwhile."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from db.errors import FatalDatabaseError, PositionMovedError, RetryableDatabaseError, StaleCompanyError
from db.rows import BatchWrites, CompanyRow, EventKey, EventRow, PositionAdvance, PositionRow, RefreshRow
from db.store import Store

TOPIC = "changes"
STAMP = "000000000000001\x1fs\x1fe"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """With partitions 0 to 3 opened."""
    with Store(database_url) as made:
        made.positions(TOPIC, range(4))
        yield made


def advance(partition: int = 0, expected: int = 0, to: int = 1) -> PositionAdvance:
    """A position that moves by refreshed changes."""
    count = to - expected
    return PositionAdvance(partition, expected, to, 1000 + to, count, count, 0, 0, 0, 0, 0, 0, 0)


def company(company_id: str = "acme", before: int = 0, due: int | None = None, partition: int = 0) -> CompanyRow:
    """A company that was read at revision `before`."""
    pending_since, pending = (None, 0) if due is None else (5, 1)
    facts = ("Acme", STAMP, None, None, None, None, None, None)
    return CompanyRow(company_id, *facts, 10, due, pending_since, pending, (), before + 1, before, partition)


def event(event_id: str = "e1") -> EventRow:
    """A refreshed change of acme."""
    return EventRow("acme", "s", event_id, "person.role_change", 1, 2, 3, "refreshed", None, 3, 0, 0, 1)


def refresh(at: int = 3) -> RefreshRow:
    """A refresh of acme."""
    return RefreshRow("acme", at, "change", 1, "changed", 1, 2)


def batch(**parts: Any) -> BatchWrites:
    """A batch that moves partition 0 from 0 to 1, unless told."""
    return BatchWrites(TOPIC, **({"positions": [advance()]} | parts))


def count(database_url: str, table: str) -> int:
    """Rows of a table."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()  # noqa: S608  # the test's own
    assert row is not None
    return int(row[0])


def test_a_partition_never_read_starts_at_zero(store: Store) -> None:
    """And is the same for everybody who asks at once."""
    assert [(row.next_offset, row.log_time) for row in store.positions(TOPIC, [7]).values()] == [(0, None)]


def test_all_is_written_or_nothing(store: Store, database_url: str) -> None:
    """The position moves with the effects."""
    store.write(batch(companies=[company()], events=[event()], refreshes=[refresh()]))

    assert store.positions(TOPIC, [0])[0] == PositionRow(0, 1, 1001)
    assert [count(database_url, table) for table in ("companies", "webhook_events", "buyer_group_refresh_logs")] == [
        1
    ] * 3


def test_a_partition_that_moved_on_aborts_the_batch(store: Store, database_url: str) -> None:
    """Law L2, also when what the other one wrote is in the way of a later statement."""
    whole = batch(companies=[company()], events=[event()], refreshes=[refresh()])
    store.write(whole)

    with pytest.raises(PositionMovedError):
        store.write(whole)
    with pytest.raises(PositionMovedError):
        store.write(batch(refreshes=[refresh()]))
    with pytest.raises(PositionMovedError):
        store.write(batch(positions=[advance(1), advance(0)], companies=[company("other")]))

    assert store.positions(TOPIC, [1])[1].next_offset == 0
    assert count(database_url, "companies") == 1


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        pytest.param({"companies": [company()]}, {"companies": [company()]}, id="both new"),
        pytest.param({"companies": [company(before=1)]}, {"companies": [company(before=1)]}, id="both update"),
        pytest.param({"events": [event()]}, {"events": [event()]}, id="same change on two partitions"),
    ],
)
def test_a_company_that_somebody_else_wrote_meanwhile_is_not_overwritten(
    store: Store, database_url: str, mine: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """A company whose records lie on two partitions has two writers: the second one reads again."""
    if any(row.revision_before for row in mine.get("companies", ())):
        store.write(batch(positions=[advance(3)], companies=[company()]))
    with Store(database_url) as other:
        other.write(batch(positions=[advance(1)], **theirs))

    with pytest.raises(StaleCompanyError):
        store.write(batch(**mine))

    assert store.positions(TOPIC, [0])[0].next_offset == 0


def test_law_seven_is_held_by_the_table_itself(store: Store) -> None:
    """Consumed records without an outcome cannot be committed."""
    with pytest.raises(FatalDatabaseError, match="consumed_is_the_sum_of_outcomes"):
        store.write(batch(positions=[advance()._replace(consumed=2)]))


def test_what_is_due_is_found_by_the_clock_of_its_partition(store: Store) -> None:
    """The earliest first, and no more than asked for."""
    rows = [company(f"c{n}", due=100 - n, partition=n % 2) for n in range(6)]
    store.write(batch(companies=[*rows, company("never")]))

    assert store.due({0: 1000, 1: 97}, 10) == ["c5", "c4", "c3", "c2", "c0"]
    assert store.due({0: 1000, 1: 1000}, 2) == ["c5", "c4"]
    assert store.next_due([0, 1, 2]) == {0: 96, 1: 95}


def test_the_inbox_knows_what_was_written(store: Store) -> None:
    """By company, source and event id."""
    store.write(batch(events=[event()]))
    keys = [EventKey("acme", "s", "e1"), EventKey("acme", "s", "e2"), EventKey("other", "s", "e1")]

    assert [row[:3] for row in store.companies([], keys).seen] == [keys[0]]


def test_a_connection_that_was_cut_is_opened_again(store: Store, database_url: str) -> None:
    """The first use after the cut may fail, for a time; the next one works."""
    cut = "SELECT pg_terminate_backend(%s)"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(cut, (store._open().info.backend_pid,))

    with pytest.raises(RetryableDatabaseError):
        store.write(batch())
    store.write(batch())

    assert store.positions(TOPIC, [0])[0].next_offset == 1


def test_a_statement_that_waits_too_long_is_tried_again_later(store: Store, database_url: str) -> None:
    """A lock held by somebody else is trouble for a time, no bug."""
    with psycopg.connect(database_url) as other, Store(database_url, statement_timeout_seconds=0.1) as hasty:
        other.execute("SELECT * FROM consumer_positions FOR UPDATE")
        with pytest.raises(RetryableDatabaseError, match="statement timeout"):
            hasty.write(batch())
    store.write(batch())


def test_a_database_that_is_away_is_trouble_for_a_time() -> None:
    """Nobody listens there."""
    with Store("postgresql://127.0.0.1:1/none") as away, pytest.raises(RetryableDatabaseError):
        away.positions(TOPIC, [0])


def test_a_database_without_our_tables_is_no_trouble_for_a_time(server_database_url: str) -> None:
    """Trying again would not help: somebody must migrate."""
    with Store(server_database_url) as empty, pytest.raises(FatalDatabaseError, match="consumer_positions"):
        empty.positions(TOPIC, [0])
