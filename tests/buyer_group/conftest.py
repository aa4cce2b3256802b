"""What the tests of buyer groups share: hypothesis strategies of companies, policies, people and members."""

from typing import Final, NamedTuple

import pytest
from hypothesis import strategies as st

from consumers.buyer_group import CompanyFacts, Employee, Member, Role
from consumers.buyer_group.model import Function, Seniority

_TITLES: Final = (
    "CEO",
    "CFO",
    "CRO",
    "VP Sales",
    "VP Marketing",
    "VP Engineering",
    "Head of Sales",
    "Head of Marketing",
    "Head of Procurement",
    "Sales Director",
    "Marketing Manager",
    "Sales Manager",
    "Senior Account Executive",
    "General Counsel",
    "Security Manager",
    "IT Manager",
    "Finance Manager",
    "Assistant to the CEO",
    "Executive Assistant",
    "Account Executive",
    "Marketing Intern",
    "Former CEO",
    "Head Chef",
)


class Drawn(NamedTuple):
    """Strategies; a fixture hands them out, because test folders are no packages."""

    companies: st.SearchStrategy[CompanyFacts]
    rosters: st.SearchStrategy[list[Employee]]
    groups: st.SearchStrategy[list[Member]]


@pytest.fixture(scope="session")
def drawn() -> Drawn:
    """Companies of every size, rosters with every kind of title, groups as a store may hold them."""
    texts = st.none() | st.text(max_size=5)
    sizes = st.none() | st.sampled_from([0, 1, 49, 50, 100, 101, 1000, 1001]) | st.integers(0, 10**6)
    employees = st.builds(
        Employee,
        st.text(min_size=1, max_size=4),
        texts,
        st.none() | st.sampled_from(_TITLES) | st.text(max_size=12),
        st.none() | st.sampled_from(["vp", "C-Suite", "manager", "?"]),
        st.none() | st.sampled_from(["Sales", "Legal", "?"]),
    )
    members = st.builds(
        Member,
        st.sampled_from("abcdefgh"),
        st.sampled_from(Role),
        texts,
        texts,
        st.none() | st.sampled_from(Seniority),
        st.none() | st.sampled_from(Function),
        st.integers(0, 100),
        st.text(min_size=1, max_size=5),
        st.sampled_from(["primary-leads", "has-a-say"]),
    )
    return Drawn(
        st.builds(CompanyFacts, st.just("c-1"), employee_count=sizes),
        st.lists(employees, max_size=40, unique_by=lambda employee: employee.person_id),
        st.lists(members, max_size=8, unique_by=lambda member: member.person_id),
    )
