"""Roles beyond the rules: several for one person, chosen by somebody, named by the workspace, required by it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import (
    DEFAULT_POLICY,
    Choice,
    CompanyFacts,
    Employee,
    Filled,
    Member,
    Policy,
    Role,
    completeness,
    derive_group,
    explain,
    group_order,
)
from consumers.buyer_group.policy import ANTI_PERSONAS, OwnRole, Required
from consumers.buyer_group.rules import SET_BY_USER

_LARGE = CompanyFacts("c", employee_count=5000)
_OWN = replace(
    DEFAULT_POLICY,
    own_roles=(
        OwnRole("Legal and compliance", "blocker", departments=frozenset({"legal"})),
        OwnRole("Budget holder", "decision_maker", levels=frozenset({"c_level"})),
        OwnRole("RevOps", "decision_maker", titles=("revenue operations",)),
        OwnRole("Gatekeeper", "blocker"),
        OwnRole("Observer", "stakeholder"),
    ),
)


def _people(*titles: str) -> list[Employee]:
    return [Employee(f"p{number}", title=title) for number, title in enumerate(titles)]


def _roles(members: tuple[Member, ...]) -> list[tuple[str, str]]:
    return [(member.person_id, member.role) for member in members]


def test_the_first_rule_counts_unless_the_workspace_wants_more() -> None:
    """A chief on the board decides; where the workspace says so, the board seat makes an introducer as well."""
    people = _people("Chief Revenue Officer, Board Member")
    one = replace(DEFAULT_POLICY, board_introduces=True)
    two = replace(one, also=frozenset({"introducer"}))
    assert _roles(derive_group(_LARGE, people, one)) == [("p0", "decision_maker")]
    group = derive_group(_LARGE, people, two)
    assert _roles(group) == [("p0", "decision_maker"), ("p0", "introducer")]
    assert [member.rule for member in group] == ["primary-leads", "board-introduces"]


def test_who_has_another_role_is_not_moved_on() -> None:
    """Who is one too many among those who decide, but introduces, needs no third place as a stakeholder."""
    people = _people("CRO", "CMO", "Head of Marketing, Board Member")
    policy = replace(DEFAULT_POLICY, board_introduces=True, also=frozenset({"introducer"}), caps=(("champion", 0),))
    group = derive_group(_LARGE, people, policy)
    assert [m.role for m in group if m.person_id == "p2"] == ["introducer"]


def test_what_somebody_chose_comes_before_the_rules() -> None:
    """The role is theirs, marked as set by them, and certain."""
    (member,) = derive_group(_LARGE, _people("Sales Manager"), DEFAULT_POLICY, {"p0": Choice("blocker", "ann")})
    assert (member.role, member.rule, member.set_by, member.confidence) == ("blocker", SET_BY_USER, "ann", 100)
    assert "set by ann" in member.why


@pytest.mark.parametrize("title", ["Intern", "Product Manager", "qwerty", "Former CRO"])
def test_a_choice_lets_in_whom_the_rules_keep_out(title: str) -> None:
    """Whoever chose knows more than a title."""
    policy = replace(DEFAULT_POLICY, anti_personas=ANTI_PERSONAS)
    assert derive_group(_LARGE, _people(title), policy) == ()
    assert _roles(derive_group(_LARGE, _people(title), policy, {"p0": Choice("champion", None)})) == [
        ("p0", "champion")
    ]


def test_a_choice_may_be_of_several_roles() -> None:
    """Divided by commas, in whatever case."""
    group = derive_group(_LARGE, _people("CEO"), DEFAULT_POLICY, {"p0": Choice("Introducer, decision_maker", "ann")})
    assert _roles(group) == [("p0", "decision_maker"), ("p0", "introducer")]


def test_a_choice_may_be_of_an_own_role() -> None:
    """It is mapped to one of the five, and keeps its name."""
    (member,) = derive_group(_LARGE, _people("CEO"), _OWN, {"p0": Choice("legal and compliance", "ann")})
    assert (member.role, member.own_role) == ("blocker", "Legal and compliance")


def test_a_choice_of_an_unknown_role_does_not_count() -> None:
    """A workspace may have dropped the role since: the rules decide, and the explanation tells."""
    choices = {"p0": Choice("Sponsor", "ann")}
    assert derive_group(_LARGE, _people("CEO"), _OWN, choices) == derive_group(_LARGE, _people("CEO"), _OWN)
    told = explain(_LARGE, _people("CEO"), _OWN, "p0", choices)
    assert told is not None
    assert (told.steps[0].rule, told.steps[0].fired) == (SET_BY_USER, False)
    assert "set to Sponsor by ann, which is no role of this workspace" in told.steps[0].says


def test_a_choice_for_somebody_who_is_not_there_waits() -> None:
    """It makes nobody a member who does not work there."""
    assert derive_group(_LARGE, [], DEFAULT_POLICY, {"p0": Choice("champion", "ann")}) == ()


def test_who_was_chosen_takes_a_place() -> None:
    """A cap counts them first: of two places for those who decide, rules fill the one that is left."""
    people = _people("CRO", "CMO", "Office Manager")
    group = derive_group(
        CompanyFacts("c", employee_count=80), people, DEFAULT_POLICY, {"p2": Choice(Role.DECISION_MAKER, "a")}
    )
    assert {m.person_id for m in group if m.role == "decision_maker"} == {"p0", "p2"}


def test_own_roles_name_the_five() -> None:
    """The first that fits by role, department, level and title; who fits none has no own name."""
    people = _people("CRO", "VP Revenue Operations", "VP Sales", "General Counsel", "CISO", "CFO")
    group = derive_group(_LARGE, people, _OWN)
    assert {member.title: member.own_role for member in group} == {
        "CRO": "Budget holder",
        "VP Revenue Operations": "RevOps",
        "VP Sales": None,
        "General Counsel": "Legal and compliance",
        "CISO": "Gatekeeper",
        "CFO": "Observer",
    }


def test_who_is_moved_on_gets_the_name_of_where_they_are_now() -> None:
    """A fourth who decides is an observer of the workspace's, not a budget holder."""
    group = derive_group(_LARGE, _people("CRO", "CMO", "VP Sales", "VP Marketing"), _OWN)
    assert [(m.own_role, m.rule) for m in group if m.role == "stakeholder"] == [("Observer", "too-many-in-role")]


@pytest.mark.parametrize(
    ("titles", "percent", "missing"),
    [
        ((), 0, ("decision_maker", "champion", "Legal and compliance")),
        (("CRO",), 33, ("champion", "Legal and compliance")),
        (("CRO", "Sales Manager"), 50, ("champion", "Legal and compliance")),
        (("CRO", "Sales Manager", "Marketing Manager", "General Counsel", "VP Legal"), 100, ()),
    ],
)
def test_a_group_is_as_complete_as_its_required_roles(titles: Any, percent: int, missing: tuple[str, ...]) -> None:
    """The mean of the roles' shares, each at most whole; rounded down, so that 100 is nothing but complete."""
    required = (Required("decision_maker"), Required("champion", 2), Required("Legal and compliance"))
    policy = replace(_OWN, required=required)
    found = completeness(derive_group(_LARGE, _people(*titles), policy), policy)
    assert (found.percent, found.missing) == (percent, missing)


def test_what_is_required_is_counted() -> None:
    """Each role says how many it has and needs; where nothing is required, every group is complete."""
    group = derive_group(_LARGE, _people("CRO", "CMO"), DEFAULT_POLICY)
    assert completeness(group, DEFAULT_POLICY).roles == (Filled("decision_maker", 2, 1), Filled("champion", 0, 1))
    assert completeness((), replace(DEFAULT_POLICY, required=())).percent == 100


_POLICIES = st.builds(
    Policy,
    primary=st.frozensets(st.sampled_from(["sales", "marketing", "it", "security"])),
    primary_titles=st.sampled_from([(), ("head chef",)]),
    excluded_titles=st.sampled_from([(), ("vp", "counsel")]),
    deal_size=st.none() | st.integers(0, 10**7),
    also=st.frozensets(st.sampled_from(Role)),
    caps=st.sampled_from([(), (("champion", 1), ("stakeholder", 0))]),
    own_roles=st.sampled_from([(), _OWN.own_roles]),
    board_introduces=st.booleans(),
)
_CHOICES = st.dictionaries(
    st.text(min_size=1, max_size=2),
    st.builds(Choice, st.sampled_from([*Role, "champion,blocker", "observer", "?"]), st.none()),
)


@given(data=st.data())
def test_whatever_the_policy_the_order_of_the_roster_does_not_matter(data: st.DataObject, drawn: Any) -> None:
    """Under every policy and with every choice, the same people give the same group, each once in a role, in order."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    policy, choices = data.draw(_POLICIES), data.draw(_CHOICES)
    group = derive_group(company, roster, policy, choices)
    assert derive_group(company, data.draw(st.permutations(roster)), policy, choices) == group
    assert len({(member.person_id, member.role) for member in group}) == len(group)
    assert list(group) == sorted(group, key=group_order)


@given(data=st.data())
def test_caps_hold_for_all_whom_nobody_chose(data: st.DataObject, drawn: Any) -> None:
    """Rules fill what room the chosen leave, and no more; every choice of a known role of somebody there is kept."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    policy, choices = data.draw(_POLICIES), data.draw(_CHOICES)
    group = derive_group(company, roster, policy, choices)
    caps = policy.caps_of(policy.tier(company.employee_count))
    for role in Role:
        chosen = sum(member.role == role and member.rule == SET_BY_USER for member in group)
        inferred = sum(member.role == role and member.rule != SET_BY_USER for member in group)
        assert inferred <= max(0, caps[role] - chosen)
    there = {employee.person_id for employee in roster}
    known = {p for p, choice in choices.items() if p in there and choice.role.split(",")[0] in policy.role_names}
    assert {member.person_id for member in group if member.rule == SET_BY_USER} == known


@given(data=st.data())
def test_everybody_can_be_explained(data: st.DataObject, drawn: Any) -> None:
    """Whoever works there: a verdict, the members that the group has, and a fired rule for each that no cap moved."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    policy, choices = data.draw(_POLICIES), data.draw(_CHOICES)
    group = derive_group(company, roster, policy, choices)
    for employee in roster:
        told = explain(company, roster, policy, employee.person_id, choices)
        assert told is not None
        assert told.members == tuple(member for member in group if member.person_id == employee.person_id)
        assert all(member.score == told.score.total for member in told.members)
        fired = {step.rule for step in told.steps if step.fired}
        assert {member.rule for member in told.members} <= fired | {"too-many-in-role"}
        assert bool(told.members) != told.verdict.startswith("no member")
    assert explain(company, roster, policy, "somebody else", choices) is None


def test_who_is_too_many_is_told_so() -> None:
    """Nine vice presidents: the last has neither role nor say, and the caps are named."""
    told = explain(CompanyFacts("c", employee_count=80), _people(*["VP Sales"] * 9), DEFAULT_POLICY, "p8")
    assert told is not None
    assert told.verdict == (
        "no member: leads a department that buys (sales) (primary-leads), but others weigh more; a company of tier S7 "
        "has at most 2 as decision_maker and 3 as stakeholder (too-many-in-role)"
    )


def test_whom_no_rule_fits_is_told_what_was_tried() -> None:
    """An engineer hears every rule there is."""
    told = explain(_LARGE, _people("Software Engineer"), DEFAULT_POLICY, "p0")
    assert told is not None
    assert told.verdict == "no member: no rule fits"
    assert len(told.steps) == 13
