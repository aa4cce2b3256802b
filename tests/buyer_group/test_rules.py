"""Each rule by its id: whom it fits, and whom it narrowly does not."""

from dataclasses import replace
from typing import Any

import pytest

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, Policy, derive_group, explain
from consumers.buyer_group.policy import ANTI_PERSONAS, AntiPersona
from consumers.buyer_group.rules import EXCLUSIONS, ROLES

_SECURITY: dict[str, Any] = {"primary": frozenset({"security"})}
_FITS: list[tuple[str, int | None, dict[str, Any], str, str]] = [
    # title, employees, policy, rule that puts them in, role
    ("VP Sales", 5000, {}, "primary-leads", "decision_maker"),
    ("Sales Director", 5000, {}, "primary-highest", "decision_maker"),
    ("Sales Manager", 5000, {}, "primary-carries", "champion"),
    ("Senior Account Executive", 5000, {}, "primary-carries", "champion"),
    ("CEO", 49, {}, "signs-everything", "decision_maker"),
    ("CEO", 50, {}, "sponsors", "stakeholder"),
    ("CISO", 101, {}, "can-say-no", "blocker"),
    ("Assistant to the CEO", 5000, {}, "supports-deciders", "introducer"),
    ("VP Sales", 5000, _SECURITY, "sellers-introduce", "introducer"),
    ("Account Executive", 5000, _SECURITY, "sellers-introduce", "introducer"),
    ("CFO", 5000, {}, "has-a-say", "stakeholder"),
    ("Member of the Supervisory Board", 5000, {"board_introduces": True}, "board-introduces", "introducer"),
    # a title that the policy names, whatever department and level it has otherwise
    ("RevOps Analyst", 5000, {"primary_titles": ("revops analyst",)}, "primary-carries", "champion"),
    ("Head Chef", 5000, {"secondary_titles": ("chef",)}, "has-a-say", "stakeholder"),
    ("VP Legal", 5000, {"primary_titles": ("V.P. legal",)}, "primary-leads", "decision_maker"),
    # who may sign a deal of the policy's size, by the size of the company (S3: 50,000 / 25,000 / 5,000)
    ("VP Sales", 10, {"deal_size": 50_000}, "primary-leads", "decision_maker"),
    ("VP Sales", 10, {"deal_size": 50_001}, "primary-carries", "champion"),
    ("CRO", 10, {"deal_size": 50_001}, "primary-leads", "decision_maker"),
    ("Sales Director", 10, {"deal_size": 25_000}, "primary-highest", "decision_maker"),
    ("Sales Director", 10, {"deal_size": 25_001}, "primary-carries", "champion"),
    ("Sales Manager", 10, {"deal_size": 5_000}, "primary-highest", "decision_maker"),
    ("Sales Manager", 10, {"deal_size": 5_001}, "primary-carries", "champion"),
    ("Sales Manager", 2500, {"deal_size": 500_000}, "primary-highest", "decision_maker"),
    ("VP Sales", 2500, {"deal_size": 1_000_000}, "primary-leads", "decision_maker"),
    ("VP Sales", 2500, {"deal_size": 1_000_001}, "primary-carries", "champion"),
    ("CEO", 2500, {"deal_size": 1_000_001}, "signs-the-deal", "decision_maker"),
    ("CEO", 2500, {"deal_size": 1_000_000}, "sponsors", "stakeholder"),
    ("CISO", 100, {"deal_size": 50_001}, "can-say-no", "blocker"),
]
_KEEPS_OUT: list[tuple[str, dict[str, Any], str]] = [
    ("VP Sales | open to work", {}, "seeking-work"),
    ("Sales Intern", {}, "outside-level"),
    ("Former VP Sales", {}, "outside-level"),
    ("VP Sales", {"excluded": frozenset({"sales"})}, "excluded-department"),
    ("VP Channel Sales", {"excluded_titles": ("channel sales",)}, "excluded-title"),
    ("Vice-President, Channel Sales", {"excluded_titles": ("VP channel sales",)}, "excluded-title"),
    ("Product Manager", {"anti_personas": ANTI_PERSONAS}, "anti-persona"),
    ("VP Sales", {"anti_personas": (AntiPersona("sellers", departments=frozenset({"sales"})),)}, "anti-persona"),
    ("VP Sales", {"countries": frozenset({"us"})}, "excluded-country"),
]


def _member(title: str, size: int | None, policy: Policy) -> tuple[str, str] | None:
    group = derive_group(CompanyFacts("c", employee_count=size), [Employee("p", "N", title, country="DE")], policy)
    return (group[0].rule, group[0].role) if group else None


@pytest.mark.parametrize(("title", "size", "settings", "rule", "role"), _FITS)
def test_a_rule_gives_its_role(title: str, size: int | None, settings: dict[str, Any], rule: str, role: str) -> None:
    """Each rule fits at its border, and the next one does a step beyond."""
    assert _member(title, size, replace(DEFAULT_POLICY, **settings)) == (rule, role)


@pytest.mark.parametrize(("title", "settings", "rule"), _KEEPS_OUT)
def test_a_rule_keeps_out(title: str, settings: dict[str, Any], rule: str) -> None:
    """Whom a policy excludes is no member, and can be told which rule it was."""
    policy = replace(DEFAULT_POLICY, **settings)
    assert _member(title, 5000, policy) is None
    told = explain(CompanyFacts("c", employee_count=5000), [Employee("p", "N", title, country="DE")], policy, "p")
    assert told is not None
    assert [step.rule for step in told.steps if step.fired] == [rule]
    assert rule in told.verdict


def test_every_rule_is_tried_here() -> None:
    """A rule that is added needs its own lines above."""
    assert {rule.id for rule in ROLES} == {rule for _, _, _, rule, _ in _FITS}
    assert {rule.id for rule in EXCLUSIONS} == {rule for _, _, rule in _KEEPS_OUT}


def test_account_managers_introduce_nobody() -> None:
    """Who looks after customers is no way in: they know who buys from them, not who buys for them."""
    assert _member("Account Manager", 5000, replace(DEFAULT_POLICY, **_SECURITY)) is None


@pytest.mark.parametrize("country", ["US", "usa", "United States", None])
def test_who_may_live_in_the_country_stays(country: str | None) -> None:
    """A code or a name of the country; and nobody is kept out because a provider left it open."""
    policy = replace(DEFAULT_POLICY, countries=frozenset({"us"}))
    employee = Employee("p", title="VP Sales", country=country)
    assert derive_group(CompanyFacts("c"), [employee], policy)


def test_who_is_kept_out_ranks_above_nobody() -> None:
    """A director is the highest in the department once the policy excludes the vice president above."""
    policy = replace(DEFAULT_POLICY, excluded_titles=("vp sales",))
    people = [Employee("a", title="VP Sales"), Employee("b", title="Sales Director")]
    assert [m.rule for m in derive_group(CompanyFacts("c", employee_count=5000), people, policy)] == ["primary-highest"]


@pytest.mark.parametrize("deal", [None, 1_000, 100_000, 10_000_000])
@pytest.mark.parametrize("size", [None, 5, 80, 900, 50_000])
def test_whom_a_higher_level_outranks_does_not_decide_instead(deal: int | None, size: int | None) -> None:
    """Whatever the deal: if a manager of a department decides, nobody above them in it is a mere champion."""
    policy = replace(DEFAULT_POLICY, deal_size=deal)
    people = [
        Employee("a", title="VP Sales"),
        Employee("b", title="Sales Director"),
        Employee("c", title="Sales Manager"),
    ]
    roles = {m.person_id: m.role for m in derive_group(CompanyFacts("x", employee_count=size), people, policy)}
    deciding = [person for person in "abc" if roles.get(person) == "decision_maker"]
    assert deciding in ([], ["a"])
