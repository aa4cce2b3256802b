"""What holds for the group of every roster there is."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, Role, derive_group, group_order


@given(data=st.data())
def test_the_order_of_the_roster_does_not_matter(data: st.DataObject, drawn: Any) -> None:
    """The same people give the same group, in whatever order a database, or a replay, hands them over."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    shuffled = data.draw(st.permutations(roster))
    assert derive_group(company, shuffled, DEFAULT_POLICY) == derive_group(company, roster, DEFAULT_POLICY)


@given(data=st.data())
def test_what_is_remembered_of_titles_holds_at_every_company(data: st.DataObject, drawn: Any) -> None:
    """A policy that has judged other rosters derives the same group as an equal one that has seen nobody yet."""
    policy = replace(DEFAULT_POLICY)
    for _ in range(3):
        company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
        assert derive_group(company, roster, policy) == derive_group(company, roster, replace(DEFAULT_POLICY))


@pytest.mark.parametrize(
    "title", ["Marketing Intern", "Sales Trainee", "Volunteer", "Former CRO", "Head Chef", "x", None]
)
@given(data=st.data())
def test_somebody_irrelevant_changes_nothing(title: str | None, data: st.DataObject, drawn: Any) -> None:
    """Who has no part in a purchase joins without anybody else gaining, losing or changing a role."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    place = data.draw(st.integers(0, len(roster)))
    more = [*roster[:place], Employee("", "N", title), *roster[place:]]
    assert derive_group(company, more, DEFAULT_POLICY) == derive_group(company, roster, DEFAULT_POLICY)


@given(data=st.data())
def test_nobody_is_there_twice_and_nobody_from_elsewhere(data: st.DataObject, drawn: Any) -> None:
    """A member is one employee in one role, with the name and title of the roster."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    group = derive_group(company, roster, DEFAULT_POLICY)
    known = {employee.person_id: (employee.name, employee.title) for employee in roster}
    assert len({member.person_id for member in group}) == len(group)
    assert all(known[member.person_id] == (member.name, member.title) for member in group)


@given(data=st.data())
def test_every_member_has_a_role_a_weight_and_a_reason(data: st.DataObject, drawn: Any) -> None:
    """Nobody is in a group without a sentence that says why."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    for member in derive_group(company, roster, DEFAULT_POLICY):
        assert Role(member.role)
        assert 0 <= member.score <= 100
        assert ": " in member.why
        assert "(read from " in member.why


@given(data=st.data())
def test_no_role_has_more_than_its_cap_and_the_order_is_fixed(data: st.DataObject, drawn: Any) -> None:
    """Caps hold for every roster, and members come in the order of reading."""
    company, roster = data.draw(drawn.companies), data.draw(drawn.rosters)
    group = derive_group(company, roster, DEFAULT_POLICY)
    caps = DEFAULT_POLICY.caps_of(DEFAULT_POLICY.tier(company.employee_count))
    for role in Role:
        assert sum(member.role == role for member in group) <= caps[role]
    assert list(group) == sorted(group, key=group_order)


def test_a_large_roster_gives_the_same_group_however_it_is_shuffled() -> None:
    """Ten thousand people, ten orders, one group."""
    titles = ["VP Sales", "Sales Manager", "CFO", "CISO", "Executive Assistant", "Marketing Intern", "Engineer"]
    roster = [Employee(f"p{number}", title=titles[number % len(titles)]) for number in range(10_000)]
    company = CompanyFacts("c-1", employee_count=5000)
    expected = derive_group(company, roster, DEFAULT_POLICY)
    for seed in range(10):
        random.Random(seed).shuffle(roster)
        assert derive_group(company, roster, DEFAULT_POLICY) == expected
