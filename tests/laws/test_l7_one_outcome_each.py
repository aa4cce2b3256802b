"""L7: every change has one recorded outcome with its reason (its rows: tests/runtime and tests/end_to_end)."""

from unittest import mock

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
from schemas.events import PersonChange
from tests.support.changes import NOW, change, deliveries, histories

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
