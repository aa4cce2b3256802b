"""Who is in a company's buyer group, in which role, and why, under the default policy and under a workspace's own."""

from collections import Counter
from dataclasses import replace

import pytest

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, Member, Policy, Role, derive_group
from consumers.buyer_group.model import Function


def _company(size: int | None) -> CompanyFacts:
    return CompanyFacts("c-1", "Acme", employee_count=size)


def _people(*titles: str) -> list[Employee]:
    """One person a title, with ids in the order of the titles."""
    return [Employee(f"p{number:02}", f"N{number}", title) for number, title in enumerate(titles)]


def _group(size: int | None, *titles: str, policy: Policy = DEFAULT_POLICY) -> tuple[Member, ...]:
    return derive_group(_company(size), _people(*titles), policy)


def _roles(size: int | None, *titles: str, policy: Policy = DEFAULT_POLICY) -> dict[str | None, str]:
    return {member.title: member.role for member in _group(size, *titles, policy=policy)}


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("CRO", "decision_maker"),
        ("Chief Marketing Officer", "decision_maker"),
        ("VP Sales", "decision_maker"),
        ("VP, Sales Ops", "decision_maker"),
        ("Senior Account Executive", "champion"),
        ("Marketing Manager", "champion"),
        ("CEO", "stakeholder"),
        ("Founder", "stakeholder"),
        ("CFO", "stakeholder"),
        ("VP Engineering", "stakeholder"),
        ("Product Manager", "stakeholder"),
        ("Head of Procurement", "blocker"),
        ("General Counsel", "blocker"),
        ("CISO", "blocker"),
        ("IT Manager", "blocker"),
        ("Assistant to the CEO", "introducer"),
        ("Executive Assistant", "introducer"),
    ],
)
def test_a_person_plays_the_role_of_level_and_department(title: str, role: str) -> None:
    """The default derivation: who leads a buying department decides, who carries it champions, others have a say."""
    assert _roles(5000, title) == {title: role}


@pytest.mark.parametrize(
    "title",
    [
        "Account Executive",
        "Marketing Intern",
        "Werkstudent Vertrieb",
        "Volunteer",
        "Former VP Sales",
        "Open to work",
        "VP Sales | Open to work",
        "Software Engineer",
        "HR Manager",
        "Head Chef",
        "Office Manager",
        "Senior Buyer",
        "Director",
        "Non-Executive Director",
        "qwerty",
        "",
    ],
)
def test_who_has_no_part_in_a_purchase_is_no_member(title: str) -> None:
    """Interns, former staff, people without level or department, and departments without a say stay out."""
    assert _roles(5000, title) == {}


@pytest.mark.parametrize("title", ["Head of Sales", "Sales Director", "Marketing Director"])
def test_the_highest_in_a_buying_department_decides(title: str) -> None:
    """Where no vice president is, the head or director decides."""
    assert _roles(5000, title) == {title: "decision_maker"}


def test_below_a_higher_level_a_director_champions() -> None:
    """Once somebody ranks higher in the same department, a director carries the work instead."""
    assert _roles(5000, "VP Sales", "Sales Director") == {"VP Sales": "decision_maker", "Sales Director": "champion"}
    assert _roles(5000, "Head of Sales", "Sales Director")["Sales Director"] == "champion"


def test_a_higher_level_elsewhere_takes_nothing_away() -> None:
    """Levels are compared within a department: the head of sales decides although marketing has a vice president."""
    assert set(_roles(5000, "VP Marketing", "Head of Sales").values()) == {"decision_maker"}


@pytest.mark.parametrize(
    ("size", "role"), [(0, "decision_maker"), (1, "decision_maker"), (49, "decision_maker"), (50, "stakeholder")]
)
@pytest.mark.parametrize("title", ["CEO", "Founder", "Managing Director"])
def test_below_fifty_people_the_head_signs(title: str, size: int, role: str) -> None:
    """In a small company its head decides every purchase; from fifty people on, the head sponsors."""
    assert _roles(size, title) == {title: role}


@pytest.mark.parametrize("size", [50, 100_000, None])
def test_a_company_of_unknown_size_counts_as_large(size: int | None) -> None:
    """Unknown is not small: nobody is made to sign because a provider left a field out."""
    assert _roles(size, "CEO") == {"CEO": "stakeholder"}


@pytest.mark.parametrize("title", ["Head of Procurement", "General Counsel", "CISO"])
@pytest.mark.parametrize(("size", "roles"), [(1, []), (100, []), (101, ["blocker"]), (None, ["blocker"])])
def test_companies_of_at_most_a_hundred_have_no_blockers(title: str, size: int | None, roles: list[str]) -> None:
    """A company of a hundred has no procurement to speak of; from 101 people on, it can say no."""
    assert list(_roles(size, title).values()) == roles


def test_where_it_does_not_block_it_has_a_say() -> None:
    """IT is both blocking and secondary: without blockers it stays a stakeholder."""
    assert _roles(100, "IT Manager") == {"IT Manager": "stakeholder"}


_CROWD = [
    *["VP Sales"] * 9,
    *["Marketing Manager"] * 9,
    *["VP Engineering"] * 9,
    *["Head of Procurement"] * 9,
    *["Executive Assistant"] * 9,
]


@pytest.mark.parametrize(
    ("size", "caps"),
    [
        (1, (1, 0, 0, 0, 0)),
        (10, (1, 1, 1, 0, 0)),
        (100, (2, 2, 3, 0, 1)),
        (101, (2, 2, 2, 1, 1)),
        (1000, (2, 3, 4, 2, 1)),
        (1001, (2, 4, 5, 2, 1)),
        (100_001, (3, 5, 6, 3, 2)),
        (None, (3, 5, 6, 3, 2)),
    ],
)
def test_each_role_has_at_most_so_many(size: int | None, caps: tuple[int, ...]) -> None:
    """However many qualify, a group stays one that a seller can work: 1 to 19 people by the company's size."""
    counts = Counter(member.role for member in _group(size, *_CROWD))
    assert tuple(counts[role] for role in Role) == caps


def test_who_is_too_many_for_a_role_becomes_a_stakeholder() -> None:
    """The third decision maker of a small company still has a say, and the reason tells why no more than that."""
    group = _group(80, "VP Sales", "VP Sales", "VP Sales")
    assert [member.role for member in group] == ["decision_maker", "decision_maker", "stakeholder"]
    assert "more than 2 would be too many as decision maker" in group[2].why


def test_the_weightier_keep_the_role() -> None:
    """A cap takes away from the bottom: the chief stays, the vice president moves."""
    group = _group(80, "VP Sales", "VP Marketing", "CRO", "CMO")
    assert {member.title for member in group if member.role == "decision_maker"} == {"CRO", "CMO"}


def test_ties_are_broken_by_person_id() -> None:
    """Between equals the id decides, so that no reading order of the roster, and no rebuild, changes the group."""
    employees = [Employee(person_id, title="VP Sales") for person_id in ("b1", "c0", "a2", "a10")]
    group = derive_group(_company(80), employees, DEFAULT_POLICY)
    assert [(member.person_id, member.role) for member in group] == [
        ("a10", "decision_maker"),
        ("a2", "decision_maker"),
        ("b1", "stakeholder"),
        ("c0", "stakeholder"),
    ]


def test_the_group_is_in_the_order_of_reading() -> None:
    """Decision makers first, introducers last, within a role the weightiest first."""
    group = _group(5000, "Executive Assistant", "General Counsel", "CEO", "Sales Manager", "VP Sales", "CRO", "CFO")
    assert [member.title for member in group] == [
        "CRO",
        "VP Sales",
        "Sales Manager",
        "CEO",
        "CFO",
        "General Counsel",
        "Executive Assistant",
    ]


def test_weight_follows_level_and_department() -> None:
    """Higher levels and buying departments weigh more."""
    score = {member.title: member.score for member in _group(5000, "CRO", "VP Sales", "VP Engineering", "CISO")}
    assert score["CRO"] > score["VP Sales"] > score["VP Engineering"]
    assert all(0 <= value <= 100 for value in score.values())


def test_a_member_says_who_they_are_and_what_put_them_there() -> None:
    """A seller reads level, department, rule and the words of the title in one sentence."""
    (member,) = _group(5000, "VP Sales")
    assert member == Member(
        person_id="p00",
        name="N0",
        title="VP Sales",
        role="decision_maker",
        score=36 + 30 + 14,
        seniority="vp",
        function="sales",
        why="vice president, sales: leads a department that buys (sales) (read from vp, sales)",
        rule="primary-leads",
        confidence=90,
    )


@pytest.mark.parametrize(
    ("title", "size", "because"),
    [
        ("Head of Sales", 500, "nobody ranks higher in a department that buys (sales)"),
        ("Sales Manager", 500, "carries the work of a department that buys (sales)"),
        ("CEO", 20, "signs everything in a company of 20"),
        ("CEO", 500, "sponsors what the company buys"),
        ("CISO", 500, "can say no on behalf of security"),
        ("IT Manager", 500, "can say no on behalf of IT"),
        ("Executive Assistant", 500, "supports those who decide"),
        ("CFO", 500, "has a say for finance"),
    ],
)
def test_every_rule_gives_its_own_reason(title: str, size: int, because: str) -> None:
    """Each rule explains itself in words for a seller."""
    (member,) = _group(size, title)
    assert because in member.why


def test_a_provider_can_fill_in_what_the_title_leaves_open() -> None:
    """A `Director` whose department the provider knows is a director of that department, and the reason says so."""
    employee = Employee("p", "N", "Director", department="Sales")
    (member,) = derive_group(_company(500), [employee], DEFAULT_POLICY)
    assert (member.role, member.function) == ("decision_maker", "sales")
    assert "stated department Sales" in member.why


def test_a_workspace_chooses_who_buys() -> None:
    """For a vendor of security the head of security decides, and sales has no say, but knows whom to introduce."""
    policy = replace(DEFAULT_POLICY, primary=frozenset({Function.SECURITY}))
    assert _roles(5000, "CISO", "VP Sales", policy=policy) == {"CISO": "decision_maker", "VP Sales": "introducer"}


def test_a_workspace_chooses_who_can_say_no() -> None:
    """Who does not block any more is out, unless they have a say."""
    policy = replace(DEFAULT_POLICY, blocking=frozenset({Function.HR}))
    roles = _roles(5000, "HR Manager", "Head of Procurement", "IT Manager", policy=policy)
    assert roles == {"HR Manager": "blocker", "IT Manager": "stakeholder"}


def test_a_workspace_chooses_who_has_a_say() -> None:
    """Departments outside the policy are left out, however high the person."""
    policy = replace(DEFAULT_POLICY, secondary=frozenset({Function.HR}))
    assert _roles(5000, "CFO", "HR Manager", policy=policy) == {"HR Manager": "stakeholder"}


def test_a_workspace_moves_the_limits() -> None:
    """Until which size the head signs and from which size somebody blocks are the workspace's to choose."""
    policy = replace(DEFAULT_POLICY, signs_everything_below=201, blockers_above=10)
    assert _roles(200, "CEO", policy=policy) == {"CEO": "decision_maker"}
    assert _roles(11, "CISO", policy=policy) == {"CISO": "blocker"}


def test_a_workspace_sets_the_caps() -> None:
    """A cap of none leaves a role empty; who would have had it is a stakeholder."""
    policy = replace(DEFAULT_POLICY, caps=(("decision_maker", 0), ("introducer", 0), ("stakeholder", 1)))
    assert _roles(5000, "VP Sales", "Executive Assistant", policy=policy) == {"VP Sales": "stakeholder"}


def test_nobody_makes_an_empty_group() -> None:
    """A company without people has a group without members."""
    assert _group(5000) == ()
