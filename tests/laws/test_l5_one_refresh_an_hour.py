"""L5: at most one refresh per company per hour, and the last change always counts."""

import itertools
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState, Deferred, Delivery, Employment, Folded, Refreshed
from schemas.events import ChangeType
from tests.support.changes import NOW, change, histories

INTERVAL = 1000


@st.composite
def timed(draw: st.DrawFn) -> list[Delivery]:
    """A history whose log times are seconds, minutes or hours apart, as measured by the interval."""
    changes = draw(histories(most=20))
    gaps = st.sampled_from([0, 1, INTERVAL // 3, INTERVAL - 1, INTERVAL, INTERVAL + 1, 5 * INTERVAL])
    time, made = NOW, []
    for offset, said in enumerate(changes):
        time += draw(gaps)
        made.append(Delivery(time, 0, offset, said))
    return made


def folded(log: list[Delivery], until: int) -> Folded:
    """All of a log at once."""
    return fold(CompanyState("acme"), log, until, INTERVAL)


def values(people: Iterable[Employment]) -> list[tuple[object, ...]]:
    """What a group is computed from: who said so may change without news."""
    return [(person.person_id, person.who.values, person.job.values) for person in people]


@given(timed(), st.integers(0, 3 * INTERVAL))
def test_two_refreshes_are_never_less_than_the_interval_apart(log: list[Delivery], later: int) -> None:
    """However changes arrive, and however far the clock has come."""
    times = [refresh.at for refresh in folded(log, log[-1].log_time + later).refreshes]

    assert all(second - first >= INTERVAL for first, second in itertools.pairwise(times))


@given(timed())
def test_every_change_is_covered_by_the_refresh_that_it_was_told(log: list[Delivery]) -> None:
    """A deferred change names the time of its refresh; that refresh happens, at most an interval later."""
    result = folded(log, log[-1].log_time + INTERVAL)
    times = {refresh.at for refresh in result.refreshes}

    for delivery, outcome in result.outcomes:
        if isinstance(outcome, Deferred):
            assert outcome.until in times
            assert delivery.log_time < outcome.until <= delivery.log_time + INTERVAL
        if isinstance(outcome, Refreshed):
            assert outcome.at == delivery.log_time
            assert outcome.at in times


@given(timed())
def test_the_last_change_counts(log: list[Delivery]) -> None:
    """An interval after the last change nothing is pending, and the last refresh saw the whole roster."""
    result = folded(log, log[-1].log_time + INTERVAL)

    assert result.state.refresh_due_at is None
    assert result.state.pending_count == 0
    if result.refreshes:
        present = [person for _, person in sorted(result.state.roster.items()) if person.present]
        assert values(result.refreshes[-1].people) == values(present)


@given(timed())
def test_every_covered_change_is_counted_once(log: list[Delivery]) -> None:
    """The refreshes cover exactly the changes that were refreshed or deferred."""
    result = folded(log, log[-1].log_time + INTERVAL)
    counted = sum(isinstance(outcome, Refreshed | Deferred) for _, outcome in result.outcomes)

    assert sum(refresh.covered for refresh in result.refreshes) == counted
    assert sum(len(refresh.event_ids) for refresh in result.refreshes) == counted


def test_a_refresh_that_is_due_does_not_know_the_change_that_follows_it() -> None:
    """The refresh of 14:00 fires before the change of 14:05 is applied, and the change gets one of its own."""
    first, second, third = change("e1"), change("e2", person="p2"), change("e3", person="p3")
    log = [
        Delivery(NOW, 0, 0, first),
        Delivery(NOW + 1, 0, 1, second),
        Delivery(NOW + 3 * INTERVAL, 0, 2, third),
    ]

    at_first, trailing, last = folded(log, log[-1].log_time).refreshes

    assert (at_first.at, trailing.at, last.at) == (NOW, NOW + INTERVAL, NOW + 3 * INTERVAL)
    assert [employment.person_id for employment in trailing.people] == ["p1", "p2"]
    assert [employment.person_id for employment in last.people] == ["p1", "p2", "p3"]


def test_a_request_refreshes_at_once_or_is_deferred_like_a_change() -> None:
    """Somebody who presses Refresh all the time does not get round the limit."""
    ask = [change(f"e{n}", person=None, kind=ChangeType.REFRESH_REQUESTED) for n in range(3)]
    log = [Delivery(NOW + n, 0, n, said) for n, said in enumerate(ask)]

    result = folded(log, NOW + INTERVAL)

    assert [(refresh.at, refresh.cause, refresh.covered) for refresh in result.refreshes] == [
        (NOW, "requested", 1),
        (NOW + INTERVAL, "trailing", 2),
    ]


def test_what_is_no_news_makes_no_refresh() -> None:
    """A change that says what is known is superseded, however long ago the last refresh was."""
    said = change("e1"), change("e2", occurred_at=NOW + 5)
    log = [Delivery(NOW + n * 9 * INTERVAL, 0, n, one) for n, one in enumerate(said)]

    assert [refresh.at for refresh in folded(log, log[-1].log_time).refreshes] == [NOW]
