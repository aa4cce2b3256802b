"""What a policy would change about one group: the policy's doing alone, as a refresh would do it."""

from dataclasses import replace

from consumers.buyer_group import DEFAULT_POLICY
from consumers.buyer_group.policy import Required, Tracking
from consumers.engine.fold import fold
from consumers.engine.state import CompanyState
from consumers.workspaces.preview import Summary, difference
from schemas.events import ChangeType, Movement, PersonChange
from tests.support.changes import change, deliveries


def _state(*changes: PersonChange) -> CompanyState:
    return fold(CompanyState("acme"), deliveries(list(changes)), 0, 3_600_000).state


_STATE = _state(
    change("e1", person="p1", title="CRO"),
    change("e2", person="p2", title="Head of IT"),
    change("e3", person="p3", title="CMO", movement=Movement.LEFT),
    replace(change("c1", person="p2", title=None, kind=ChangeType.ROLE_SET), role="champion"),
)


def test_the_same_policy_changes_nothing() -> None:
    """Whatever the world has changed since the last refresh: the roster is today's on both sides."""
    found = difference(_STATE, DEFAULT_POLICY, replace(DEFAULT_POLICY, version=1))
    assert (found.changes, found.before, found.after, found.is_news) == ((), 100, 100, False)


def test_only_what_the_policy_changes_is_shown() -> None:
    """A role that somebody set stays, who left stays away."""
    after = replace(DEFAULT_POLICY, version=1, primary=frozenset({"it"}), secondary=frozenset())
    found = difference(_STATE, DEFAULT_POLICY, after)
    assert [(c.kind, c.person_id, c.before, c.after) for c in found.changes] == [
        ("role_changed", "p1", "decision_maker", "introducer")
    ]
    assert (found.before, found.after) == (100, 50)


def test_a_new_workspace_begins_with_nobody() -> None:
    """All members join; choices in other workspaces are not its own."""
    found = difference(_STATE, None, replace(DEFAULT_POLICY, workspace_id="w", version=1))
    assert [(c.kind, c.person_id, c.after) for c in found.changes] == [
        ("joined", "p1", "decision_maker"),
        ("joined", "p2", "blocker"),
    ]


def test_a_group_that_gets_or_loses_its_last_role_is_news() -> None:
    """Nobody comes or goes, but the group is incomplete by the new policy; one that is not tracked is nobody's news."""
    strict = replace(DEFAULT_POLICY, version=1, required=(Required("champion", 2),))
    summary = Summary(most=1)
    for after in (strict, replace(strict, tracking=Tracking(any=False))):
        summary.add(difference(_STATE, DEFAULT_POLICY, after))
    summary.add(difference(_STATE, strict, DEFAULT_POLICY))
    assert (summary.companies, len(summary.changed), len(summary.tracked)) == (3, 3, 2)
    assert (summary.broken, summary.completed, len(summary.first)) == (2, 1, 1)
    assert summary.kinds == {"removed": 2}
    assert not summary.first[0].changes
