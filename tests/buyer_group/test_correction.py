"""Ids that turn out to be one person's, or two people's: no alert, and a history that still adds up."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import GroupChange, Member, correct_identity, diff_groups


def member(person_id: str, role: str = "champion", level: str = "vp") -> Member:
    """A member of whom only this counts."""
    return Member(person_id, role, "Name", None, level, "sales", 1, "why", "a-rule")


def told(
    before: list[Member], after: list[Member], corrected: Mapping[str, tuple[str, str]]
) -> tuple[list[tuple[str, str | None, str | None, str | None]], list[GroupChange]]:
    """Lines that correct an identity, and the others: what people are alerted of."""
    known, lines = correct_identity(before, after, corrected)
    return [(c.kind, c.person_id, c.before, c.after) for c in lines], [*diff_groups(known, after, {})]


def test_a_member_under_another_id_has_neither_come_nor_gone() -> None:
    """Their old id goes, the new one is there; nobody joined, nobody left."""
    lines, alerts = told([member("b:9")], [member("a:1")], {"b:9": ("b:9", "a:1")})

    assert alerts == []
    assert lines == [
        ("identity_corrected", "a:1", None, "champion"),
        ("identity_corrected", "b:9", "champion", None),
    ]


def test_two_members_who_are_one_are_told_once() -> None:
    """The second entry goes, without an alert."""
    lines, alerts = told([member("a:1"), member("b:9")], [member("a:1")], {"b:9": ("b:9", "a:1")})

    assert alerts == []
    assert lines == [("identity_corrected", "b:9", "champion", None)]


def test_who_looks_as_one_of_the_two_did_has_not_changed() -> None:
    """Their role was known by the other id: no role changed."""
    before = [member("a:1", "stakeholder", "manager"), member("b:9", "decision_maker", "c_level")]
    lines, alerts = told(before, [member("a:1", "decision_maker", "c_level")], {"b:9": ("b:9", "a:1")})

    assert alerts == []
    assert ("identity_corrected", "a:1", None, "decision_maker") in lines


def test_what_changed_in_the_world_besides_is_told() -> None:
    """A merge and a promotion in one refresh."""
    _, alerts = told([member("b:9")], [member("a:1", "decision_maker", "c_level")], {"b:9": ("b:9", "a:1")})

    assert [(c.kind, c.person_id, c.before, c.after) for c in alerts] == [
        ("role_changed", "a:1", "champion", "decision_maker"),
        ("promoted", "a:1", "vp", "c_level"),
    ]


def test_one_member_who_is_two_people_has_brought_nobody() -> None:
    """A merge that is undone: the second of them was here all along."""
    lines, alerts = told([member("a:1")], [member("a:1"), member("b:9", "blocker")], {"b:9": ("a:1", "b:9")})

    assert alerts == []
    assert lines == [("identity_corrected", "b:9", None, "blocker")]


def test_who_was_no_member_joins_although_their_id_was_corrected() -> None:
    """Somebody else is in the group; this one is new to it."""
    _, alerts = told([member("x")], [member("x"), member("a:1")], {"b:9": ("b:9", "a:1")})

    assert [(c.kind, c.person_id) for c in alerts] == [("joined", "a:1")]


_IDS = st.sampled_from("abcd")
_GROUPS = st.dictionaries(_IDS, st.tuples(st.sampled_from(["champion", "blocker"]), st.sampled_from(["vp", None])))


@st.composite
def _corrections(draw: st.DrawFn) -> dict[str, tuple[str, str]]:
    """From one partition of the ids into people to another."""
    before, after = (dict(zip("abcd", draw(st.permutations(list("aabb"))), strict=True)) for _ in range(2))
    was, now = ({i: min(j for j in "abcd" if one[j] == one[i]) for i in "abcd"} for one in (before, after))
    return {i: (was[i], now[i]) for i in "abcd" if was[i] != now[i]}


@given(_GROUPS, _GROUPS, _corrections())
def test_the_history_rebuilds_what_a_correction_made(
    old: dict[str, tuple[str, str | None]],
    new: dict[str, tuple[str, str | None]],
    corrected: dict[str, tuple[str, str]],
) -> None:
    """Whoever folds the lines of all versions has the people and roles of the last."""
    before, after = (
        tuple(Member(i, role, i.upper(), None, level, None, 1, "why", "a-rule") for i, (role, level) in group.items())
        for group in (old, new)
    )
    known, lines = correct_identity(before, after, corrected)
    changes = [*diff_groups((), before, {}), *lines, *diff_groups(known, after, {})]
    roles: dict[str | None, str | None] = {}
    for line in changes:
        if line.kind in ("joined", "role_changed", "identity_corrected"):
            roles[line.person_id] = line.after
        elif line.kind in ("left", "removed"):
            roles[line.person_id] = None

    assert {one: role for one, role in roles.items() if role} == {one.person_id: one.role for one in after}
