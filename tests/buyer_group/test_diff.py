"""What a seller is told between two versions of a group: all that changed, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import (
    DEFAULT_POLICY,
    Cause,
    GroupChange,
    Kind,
    Member,
    Policy,
    Standing,
    completeness,
    derive_group,
    diff_groups,
    diff_standings,
    summary_of,
)
from consumers.buyer_group.policy import Required
from schemas.events import Company

_ADA = Member("p1", "decision_maker", "Ada", "VP Sales", "vp", "sales", 85, "leads sales", "primary-leads")
_BOB = Member("p2", "stakeholder", "Bob", "CFO", "c_level", "finance", 75, "has a say", "has-a-say")
_NOBODY: Mapping[str, Company | None] = {}

_PLACES = {"role_changed": 0, "promoted": 1, "demoted": 1, "level_changed": 1, "department_changed": 2}
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
                place = _PLACES[kind]
                values = list(after[person])
                assert values[place] in (change.before, "?")
                values[place] = change.after
                after[person] = (values[0], values[1], values[2])
    return after


@given(data=st.data())
def test_equal_groups_differ_in_nothing(data: st.DataObject, drawn: Any) -> None:
    """A refresh that changes nobody's role, level or department is no news, in whatever order members come."""
    group = data.draw(drawn.groups)
    assert diff_groups(group, data.draw(st.permutations(group)), {"a": None}) == ()


@given(data=st.data())
def test_a_difference_applied_to_the_old_group_gives_the_new(data: st.DataObject, drawn: Any) -> None:
    """A receiver who knew the group and hears the changes knows the group: nothing is missing or told twice."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    departed = data.draw(st.dictionaries(st.sampled_from("abcdefgh"), st.none()))
    applied = _apply(_state(before), diff_groups(before, after, departed))
    stayed = {member.person_id for member in before}
    expected = {p: values if p in stayed else (values[0], "?", "?") for p, values in _state(after).items()}
    assert applied == expected


@given(data=st.data())
def test_a_flap_cancels_out(data: st.DataObject, drawn: Any) -> None:
    """There and back again leads to where it began, for all who were there throughout."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    there, back = diff_groups(before, after, _NOBODY), diff_groups(after, before, _NOBODY)
    opposite = {"joined": "removed", "removed": "joined", "promoted": "demoted", "demoted": "promoted"}
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
    assert diff_groups([_ADA], [], {"p1": None}) == (
        GroupChange("left", "p1", "Ada", "decision_maker", None, "works at the company no more"),
    )


def test_who_is_out_but_still_there_was_removed() -> None:
    """No seller is told that somebody left the company who only left the group."""
    assert diff_groups([_ADA], [], {"p2": None}) == (
        GroupChange("removed", "p1", "Ada", "decision_maker", None, "no rule puts them here now"),
    )


@pytest.mark.parametrize(
    ("attribute", "value", "kind", "before"),
    [
        ("role", "champion", "role_changed", "decision_maker"),
        ("seniority", "director", "demoted", "vp"),
        ("seniority", "c_level", "promoted", "vp"),
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
    assert kinds == ["role_changed", "demoted", "department_changed"]


@pytest.mark.parametrize(
    "noise", [{"title": "Vice President, Sales"}, {"score": 84}, {"why": "same, otherwise said"}, {"name": "Ada L."}]
)
def test_noise_is_not_told(noise: dict[str, Any]) -> None:
    """A title spelled otherwise, a weight or a wording are no news while role, level and department stay."""
    assert diff_groups([_ADA], [_ADA._replace(**noise)], _NOBODY) == ()


def test_several_people_are_told_one_by_one() -> None:
    """One joins, one leaves: two lines, whoever comes first by id."""
    changes = diff_groups([_BOB], [_ADA], {"p2": None})
    assert [(change.kind, change.person_id) for change in changes] == [("joined", "p1"), ("left", "p2")]


def test_a_title_that_moves_the_level_is_told_with_both_titles() -> None:
    """Before and after are the levels; the sentence has the words that people know."""
    risen = _ADA._replace(title="CRO", seniority="c_level", why="leads sales")
    (change,) = diff_groups([_ADA], [risen], _NOBODY)
    assert change == GroupChange("promoted", "p1", "Ada", "vp", "c_level", "VP Sales is CRO now; leads sales")


def test_who_left_for_a_company_that_is_known_is_told_with_it() -> None:
    """By its name, or its id where nobody said the name."""
    named, plain = Company("globex", "Globex"), Company("globex")
    (change,) = diff_groups([_ADA], [], {"p1": named})
    assert (change.kind, change.why, change.went_to) == ("left", "left for Globex", named)
    assert diff_groups([_ADA], [], {"p1": plain})[0].why == "left for globex"


_CAROL = Member("p3", "champion", "Carol", "Sales Manager", "manager", "sales", 70, "carries sales", "primary-carries")
_REQUIRED = DEFAULT_POLICY


def _between(before: Sequence[Member], after: Sequence[Member]) -> list[tuple[str, str | None, str | None, str]]:
    now = Standing(after, _REQUIRED)
    lines = diff_standings(Standing(before, _REQUIRED), now, now, dict.fromkeys("abc"))
    assert all(line.cause == Cause.WORLD for line in lines)
    return [(line.kind, line.before, line.after, line.why) for line in lines if line.person_id is None]


def test_a_group_that_loses_the_last_one_of_a_required_role_is_incomplete() -> None:
    """Which role, and that nobody is left; the other roles that were open before are named too."""
    assert _between([_ADA, _CAROL], [_CAROL]) == [("incomplete", None, "decision_maker", "no decision maker left")]
    assert _between([_ADA, _BOB], [_BOB]) == [
        ("incomplete", "champion", "decision_maker, champion", "no decision maker left")
    ]
    assert _between([_ADA, _CAROL], [_BOB]) == [
        ("incomplete", None, "decision_maker, champion", "no decision maker left and no champion left")
    ]


def test_a_group_whose_last_open_role_is_covered_is_complete() -> None:
    """Once, when it happens; a group that only comes nearer to it is told of by who joined."""
    assert _between([_CAROL], [_ADA, _CAROL]) == [
        ("complete", "decision_maker", None, "every required role is covered")
    ]
    assert _between([_BOB], [_BOB, _CAROL]) == []
    assert _between([], [_CAROL]) == []
    assert _between([_ADA, _CAROL], [_ADA._replace(person_id="p9"), _CAROL]) == []


def test_the_settings_are_told_apart_from_the_world() -> None:
    """Who left, left; who is in it because of another policy is a line of the settings."""
    before = Standing([_ADA, _CAROL], _REQUIRED)
    world = Standing([_CAROL], _REQUIRED)
    after = Standing([_CAROL, _BOB], Policy(required=(Required("champion"),)))
    lines = diff_standings(before, world, after, {"p1": None})

    assert [(line.kind, line.person_id, line.cause) for line in lines] == [
        ("left", "p1", "world"),
        ("joined", "p2", "settings"),
    ]
    summary = summary_of(lines, 3, 4)
    assert summary is not None
    assert (summary.kind, summary.before, summary.after, summary.cause) == ("settings_changed", "3", "4", "settings")
    assert "1 joined" in summary.why
    assert "left" not in summary.why


def test_settings_that_change_nobody_are_no_message() -> None:
    """A new version of a policy alone is no news, whatever it says."""
    same = Standing([_ADA], _REQUIRED)
    assert diff_standings(same, same, Standing([_ADA], _REQUIRED), {}) == ()
    assert summary_of([GroupChange("left", "p1", None, "champion", None, "gone")], 1, 2) is None


@given(data=st.data())
def test_what_world_and_settings_undo_between_them_is_silence(data: st.DataObject, drawn: Any) -> None:
    """Who comes in by the one and goes by the other has never been there; nor does the group stop being complete."""
    before, world = data.draw(drawn.groups), data.draw(drawn.groups)
    departed = data.draw(st.dictionaries(st.sampled_from("abcdefgh"), st.none()))
    there_and_back = diff_standings(Standing(before), Standing(world), Standing(list(before)), departed)
    assert there_and_back == ()
    required = Standing(before, _REQUIRED)
    assert diff_standings(required, Standing(world, _REQUIRED), Standing(list(before), _REQUIRED), departed) == ()


@given(data=st.data())
def test_both_causes_together_lead_from_the_old_group_to_the_new(data: st.DataObject, drawn: Any) -> None:
    """Whoever applies the world's lines and then those of the settings knows the group."""
    before, world, after = (data.draw(drawn.groups) for _ in range(3))
    lines = diff_standings(Standing(before), Standing(world), Standing(after), {})
    applied = _apply(_state(before), (line for line in lines if line.person_id))
    assert {p: values[0] for p, values in applied.items()} == {m.person_id: m.role for m in after}


@given(data=st.data())
def test_completeness_is_told_exactly_when_it_changes(data: st.DataObject, drawn: Any) -> None:
    """Complete before and not after is `incomplete`; the other way round is `complete`."""
    before, after = data.draw(drawn.groups), data.draw(drawn.groups)
    was, now = completeness(before, _REQUIRED).missing, completeness(after, _REQUIRED).missing
    kinds = [kind for kind, *_ in _between(before, after)]
    if was and not now:
        assert kinds == [Kind.COMPLETE]
    elif before and set(now) - set(was):
        assert kinds == [Kind.INCOMPLETE]
    else:
        assert kinds == []


def test_several_roles_of_one_person_are_one_line() -> None:
    """Who decides and can introduce is one person: joined once, and a second role is a change of the first."""
    also = _ADA._replace(role="introducer", rule="board-introduces")
    joined, now = diff_groups([], [also, _ADA], _NOBODY), diff_groups([_ADA], [also, _ADA], _NOBODY)
    assert [(c.kind, c.after) for c in joined] == [("joined", "decision_maker, introducer")]
    assert [(c.kind, c.before, c.after) for c in now] == [
        ("role_changed", "decision_maker", "decision_maker, introducer")
    ]


def test_a_role_that_needs_several_people_says_how_many_are_left() -> None:
    """Nobody is told that there is no champion while there is one."""
    policy = Policy(required=(Required("champion", 2),))
    before, after = Standing([_CAROL, _CAROL._replace(person_id="p4")], policy), Standing([_CAROL], policy)
    group = diff_standings(before, after, after, {})[-1]
    assert (group.kind, group.after, group.why) == ("incomplete", "champion", "1 champion left of the 2 required")
