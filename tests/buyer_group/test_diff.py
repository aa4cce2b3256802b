"""What a seller is told between two versions of a group: all that changed, and nothing else."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import DEFAULT_POLICY, GroupChange, Member, derive_group, diff_groups

_ADA = Member("p1", "Ada", "VP Sales", "decision_maker", 85, "vp", "sales", "leads sales", "primary-leads")
_BOB = Member("p2", "Bob", "CFO", "stakeholder", 75, "c_level", "finance", "has a say", "has-a-say")
_NOBODY: frozenset[str] = frozenset()

State = dict[str, tuple[str | None, str | None, str | None]]


def _state(group: Iterable[Member]) -> State:
    return {member.person_id: (member.role, member.seniority, member.function) for member in group}


def _apply(before: State, changes: Iterable[GroupChange]) -> State:
    """The state after the changes, as a receiver would keep it; what a `joined` does not tell stays open."""
    after = dict(before)
    for change in changes:
        person = change.person_id or ""
        match change.kind:
            case "joined":
                assert person not in after
                after[person] = (change.after, "?", "?")
            case "left" | "removed":
                assert after.pop(person)[0] == change.before
            case kind:
                place = ("role_changed", "level_changed", "department_changed").index(kind)
                values = list(after[person])
                assert values[place] == change.before
                values[place] = change.after
                after[person] = (values[0], values[1], values[2])
    return after


@given(data=st.data())
def test_equal_groups_differ_in_nothing(data: st.DataObject, drawn: Any) -> None:
    """A refresh that changes nobody's role, level or department is no news, in whatever order members come."""
    group = data.draw(drawn.groups)
    assert diff_groups(group, data.draw(st.permutations(group)), frozenset("abc")) == ()


@given(data=st.data())
def test_a_difference_applied_to_the_old_group_gives_the_new(data: st.DataObject, drawn: Any) -> None:
    """A receiver who knew the group and hears the changes knows the group: nothing is missing or told twice."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    departed = data.draw(st.frozensets(st.sampled_from("abcdefgh")))
    applied = _apply(_state(before), diff_groups(before, after, departed))
    stayed = {member.person_id for member in before}
    expected = {p: values if p in stayed else (values[0], "?", "?") for p, values in _state(after).items()}
    assert applied == expected


@given(data=st.data())
def test_a_flap_cancels_out(data: st.DataObject, drawn: Any) -> None:
    """There and back again leads to where it began, for all who were there throughout."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    there, back = diff_groups(before, after, _NOBODY), diff_groups(after, before, _NOBODY)
    opposite = {"joined": "removed", "removed": "joined"}
    assert {(opposite.get(c.kind, c.kind), c.person_id, c.after, c.before) for c in there} == {
        (c.kind, c.person_id, c.before, c.after) for c in back
    }


@given(data=st.data())
def test_a_change_has_a_reason_and_comes_in_the_order_of_ids(data: st.DataObject, drawn: Any) -> None:
    """The same two versions give the same list, byte for byte, wherever it is computed."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    changes = diff_groups(before, after, _NOBODY)
    assert all(change.why for change in changes)
    assert [change.person_id for change in changes] == sorted(change.person_id or "" for change in changes)
    assert diff_groups(data.draw(st.permutations(before)), data.draw(st.permutations(after)), _NOBODY) == changes


@given(data=st.data())
def test_derived_groups_can_be_told_apart(data: st.DataObject, drawn: Any) -> None:
    """What holds for drawn groups holds for derived ones: old state and changes give the new state's roles."""
    company = data.draw(drawn.companies)
    before, after = (derive_group(company, data.draw(drawn.rosters), DEFAULT_POLICY) for _ in range(2))
    applied = _apply(_state(before), diff_groups(before, after, _NOBODY))
    assert {p: values[0] for p, values in applied.items()} == {m.person_id: m.role for m in after}


def test_who_is_new_joined() -> None:
    """The role they have now, and why."""
    assert diff_groups([], [_ADA], _NOBODY) == (
        GroupChange("joined", "p1", "Ada", None, "decision_maker", "leads sales"),
    )


def test_who_left_the_company_left() -> None:
    """The role that is now uncovered, and that the person is gone."""
    assert diff_groups([_ADA], [], frozenset({"p1"})) == (
        GroupChange("left", "p1", "Ada", "decision_maker", None, "works at the company no more"),
    )


def test_who_is_out_but_still_there_was_removed() -> None:
    """No seller is told that somebody left the company who only left the group."""
    assert diff_groups([_ADA], [], frozenset({"p2"})) == (
        GroupChange("removed", "p1", "Ada", "decision_maker", None, "no rule puts them here now"),
    )


@pytest.mark.parametrize(
    ("attribute", "value", "kind", "before"),
    [
        ("role", "champion", "role_changed", "decision_maker"),
        ("seniority", "director", "level_changed", "vp"),
        ("seniority", None, "level_changed", "vp"),
        ("function", "marketing", "department_changed", "sales"),
    ],
)
def test_what_changed_about_a_person_is_told(attribute: str, value: str | None, kind: str, before: str) -> None:
    """Role, level and department: before, after, and the reason of the new state."""
    now = _ADA._replace(why="new reason", **{attribute: value})  # type: ignore[arg-type]  # each is a text or None
    assert diff_groups([_ADA], [now], _NOBODY) == (GroupChange(kind, "p1", "Ada", before, value, "new reason"),)


def test_a_promotion_into_another_role_is_all_that_it_is() -> None:
    """Several things about one person are several lines, role first."""
    now = _ADA._replace(role="champion", seniority="manager", function="marketing")
    kinds = [change.kind for change in diff_groups([_ADA], [now], _NOBODY)]
    assert kinds == ["role_changed", "level_changed", "department_changed"]


@pytest.mark.parametrize(
    "noise", [{"title": "Vice President, Sales"}, {"score": 84}, {"why": "same, otherwise said"}, {"name": "Ada L."}]
)
def test_noise_is_not_told(noise: dict[str, Any]) -> None:
    """A title spelled otherwise, a weight or a wording are no news while role, level and department stay."""
    assert diff_groups([_ADA], [_ADA._replace(**noise)], _NOBODY) == ()


def test_several_people_are_told_one_by_one() -> None:
    """One joins, one leaves: two lines, whoever comes first by id."""
    changes = diff_groups([_BOB], [_ADA], frozenset({"p2"}))
    assert [(change.kind, change.person_id) for change in changes] == [("joined", "p1"), ("left", "p2")]


def test_several_roles_of_one_person_are_one_line() -> None:
    """Who decides and can introduce is one person: joined once, and a second role is a change of the first."""
    also = _ADA._replace(role="introducer", rule="board-introduces")
    joined, now = diff_groups([], [also, _ADA], _NOBODY), diff_groups([_ADA], [also, _ADA], _NOBODY)
    assert [(c.kind, c.after) for c in joined] == [("joined", "decision_maker, introducer")]
    assert [(c.kind, c.before, c.after) for c in now] == [
        ("role_changed", "decision_maker", "decision_maker, introducer")
    ]
