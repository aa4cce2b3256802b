"""L7: every change has one recorded outcome with its reason (its rows: tests/runtime and tests/end_to_end)."""

from collections import Counter
from typing import Any
from unittest import mock

import psycopg
import pytest
from hypothesis import given

from consumers.engine import fold as module
from consumers.engine.fold import fold
from consumers.engine.state import (
    CompanyState,
    DeadLettered,
    Duplicate,
    Ignored,
    Refreshed,
    Superseded,
)
from consumers.runtime.metrics import Metrics
from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from db.errors import FatalDatabaseError
from schemas.events import ChangeType, PersonChange
from schemas.topics import TICK_TYPE
from tests.support.changes import NOW, change, deliveries, histories
from tests.support.consumption import consume, log_of, processor_for

HOUR = 3_600_000


@given(histories())
def test_every_delivery_has_one_outcome_in_order(changes: list[PersonChange]) -> None:
    """As many outcomes as deliveries, in the same order; the second time all of them are duplicates."""
    log = deliveries(changes + changes)

    outcomes = fold(CompanyState("acme"), log, 0, HOUR).outcomes

    assert [delivery for delivery, _ in outcomes] == log
    assert all(isinstance(outcome, Duplicate) for _, outcome in outcomes[len(changes) :])


def test_a_change_that_makes_the_core_raise_is_a_dead_letter_and_holds_up_nobody() -> None:
    """Its neighbours have their effect, nothing of it has, and it is not in the inbox: it can be retried."""
    log = deliveries([change("e1"), change("e2", person="bad"), change("e3", person="p3")])
    honest = vars(module)["employ"]

    def breaking(*args: object) -> object:
        if args[2].id == "bad":  # type: ignore[attr-defined]
            raise ZeroDivisionError("a bug")
        return honest(*args)

    with mock.patch.object(module, "employ", breaking):
        result = fold(CompanyState("acme"), log, 0, HOUR)

    assert [type(outcome).__name__ for _, outcome in result.outcomes] == ["Refreshed", "DeadLettered", "Deferred"]
    assert result.outcomes[1][1] == DeadLettered("ZeroDivisionError: a bug")
    assert sorted(result.state.roster) == ["p1", "p3"]
    assert log[1].identity not in result.state.seen


def test_a_type_that_says_nothing_about_a_roster_is_ignored_by_name() -> None:
    """The reason names the type."""
    ((_, outcome),) = fold(CompanyState("acme"), deliveries([change(kind="company.moved")]), 0, HOUR).outcomes

    assert outcome == Ignored("type company.moved says nothing about a roster")


def test_what_was_known_is_superseded() -> None:
    """A change that says what somebody else said before, later or earlier, is no news."""
    for occurred_at in (NOW - 5, NOW + 5):
        log = deliveries([change("e1"), change("e2", occurred_at=occurred_at)])
        first, second = [outcome for _, outcome in fold(CompanyState("acme"), log, 0, HOUR).outcomes]
        assert isinstance(first, Refreshed)
        assert isinstance(second, Superseded)


def log_of_everything() -> list[Record]:
    """Every outcome there is, on one partition: refreshed, deferred, superseded, ignored, duplicate, letter, tick."""
    said = [
        change("e1"),
        change("e2", title="VP Sales", occurred_at=NOW + 1),
        change("e3", title="VP Sales", occurred_at=NOW + 2),
        change("e4", kind="company.moved"),
        change("e2", title="VP Sales", occurred_at=NOW + 1),
        change("e5", person=None, kind=ChangeType.REFRESH_REQUESTED),
    ]
    log = log_of(said)
    partition, end, at = log[0].partition, len(log), log[-1].timestamp
    return [
        *log,
        Record(partition, end, at, b"acme", b"no Avro", ()),
        Record(partition, end + 1, at, None, b"", [("ce_type", TICK_TYPE.encode())]),
    ]


@pytest.mark.parametrize("sizes", [[], [1] * 8])
def test_the_rows_and_the_metric_account_for_every_record(database_url: str, sizes: list[int]) -> None:
    """Records are the sum of outcomes: in the positions, in the rows of each, and in the metric, which stays 0."""
    log, metrics, told = log_of_everything(), Metrics(), Counter[str]()
    with (processor := processor_for(database_url)).store:
        for result in consume(processor, log, sizes):
            metrics.batch(result)
            told.update(result.outcomes)
    once = ("refreshed", "superseded", "ignored", "duplicate", "dead_letter", "tick")
    assert told == {**dict.fromkeys(once, 1), "deferred": 2}
    assert metrics.registry.get_sample_value("consumer_conservation_difference") == 0
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT outcome, count(*) FROM webhook_events GROUP BY 1 UNION ALL "
            "SELECT 'duplicate', sum(deliveries - 1) FROM webhook_events UNION ALL "
            "SELECT 'dead_letter', count(*) FROM dead_letters UNION ALL "
            "SELECT 'tick', sum(tick) FROM consumer_positions"
        ).fetchall()
        consumed = connection.execute("SELECT sum(consumed) FROM consumer_positions").fetchone()
    assert dict(rows) == told
    assert consumed == (len(log),)


@pytest.mark.parametrize("times", [0, 2])
def test_a_batch_whose_outcomes_are_not_its_records_is_not_committed(database_url: str, times: int) -> None:
    """One is lost, or counted twice: the database refuses the positions, and with them the whole batch."""
    honest = vars(Processor)["_account"]

    def miscounting(self: Processor, batch: Any, writes: Any, ledger: Any) -> Any:
        counts = honest(self, batch, writes, ledger)
        writes.positions[0] = writes.positions[0]._replace(refreshed=times)
        return counts

    with (
        (processor := processor_for(database_url)).store,
        mock.patch.object(Processor, "_account", miscounting),
        pytest.raises(FatalDatabaseError, match="consumed_is_the_sum_of_outcomes"),
    ):
        consume(processor, log_of_everything())
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM webhook_events").fetchone() == (0,)
