"""L6: the same log gives the same rows, whatever the batch size; "now" is log time."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState, Delivery, Identity, Outcome, Refresh, may_refresh
from tests.support.changes import NOW, histories

INTERVAL = 1000
Step = Delivery | int
"""A delivery, or how far log time has come without one (records of other companies, ticks)."""


@st.composite
def logs(draw: st.DrawFn) -> list[Step]:
    """A company's records, some of them twice, between those that only move the clock."""
    changes = draw(histories(most=15))
    changes += draw(st.lists(st.sampled_from(changes), max_size=4))
    time, steps = NOW, list[Step]()
    for offset, said in enumerate(changes):
        time += draw(st.sampled_from([0, 1, INTERVAL // 2, INTERVAL, 3 * INTERVAL]))
        steps.append(time if draw(st.booleans()) and draw(st.booleans()) else Delivery(time, 0, offset, said))
    return steps


def run(
    steps: Sequence[Step], sizes: Sequence[int], remembered: int | None = None
) -> tuple[CompanyState, list[Outcome], list[Refresh]]:
    """Fold a log in batches of these sizes; the state goes through the store, as it were, between them."""
    state, seen = CompanyState("acme"), dict[Identity, int]()
    outcomes, refreshes, at = list[Outcome](), list[Refresh](), 0
    for size in [*sizes, len(steps)]:
        batch, at = steps[at : at + size], at + size
        if not batch:
            continue
        news = [step for step in batch if isinstance(step, Delivery)]
        until = batch[-1].log_time if isinstance(batch[-1], Delivery) else batch[-1]
        given_ids = {d.identity: seen[d.identity] for d in news if d.identity in seen}
        complete = may_refresh(state.last_refresh_at, state.refresh_due_at, until, INTERVAL)
        named = {d.change.person.id for d in news if d.change.person}
        loaded = state.roster if complete else {p: e for p, e in state.roster.items() if p in named}
        part = replace(state, seen=given_ids, roster=loaded, roster_complete=complete)
        result = fold(part, news, until, INTERVAL, remembered_ms=remembered)
        state = replace(result.state, seen={}, roster={**state.roster, **result.state.roster}, roster_complete=True)
        outcomes += [outcome for _, outcome in result.outcomes]
        refreshes += result.refreshes
        seen |= result.state.seen
    return state, outcomes, refreshes


@given(logs(), st.lists(st.integers(1, 6), max_size=15), st.sampled_from([None, 1, INTERVAL]))
def test_any_batch_split_gives_the_same_effects(steps: list[Step], sizes: list[int], remembered: int | None) -> None:
    """State, outcomes and refreshes do not know how the log was cut; a roster that was loaded in part is enough.

    So does who is a duplicate, however soon changes are forgotten.
    """
    assert run(steps, sizes, remembered) == run(steps, [], remembered)


@given(logs())
def test_the_revision_counts_the_same_however_the_log_is_cut(steps: list[Step]) -> None:
    """One record a batch: even the number that guards against two writers is the log's."""
    assert run(steps, [1] * len(steps))[0].revision == run(steps, [])[0].revision


@given(logs())
def test_folding_twice_from_the_start_gives_the_same(steps: list[Step]) -> None:
    """Nothing but the log goes into a decision."""
    assert run(steps, [3, 2]) == run(steps, [3, 2])
