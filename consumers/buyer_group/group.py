"""A company's buyer group, derived from everybody who works there under a workspace's policy.

The rules are tried in order, the first one counts; who is too many for a role becomes a stakeholder, who is too many
there is left out. Ties are broken by person id, so the order of the roster cannot matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from consumers.buyer_group.model import RANK, CompanyFacts, Employee, Function, Member, Role, Seniority, group_order
from consumers.buyer_group.policy import Policy
from consumers.buyer_group.titles import TitleReading, read_employee

_HEADS: Final = frozenset({Seniority.OWNER, Seniority.C_LEVEL})
_LEADS: Final = _HEADS | frozenset({Seniority.PARTNER, Seniority.VP})
_RUNS: Final = frozenset({Seniority.HEAD, Seniority.DIRECTOR})
_MANAGES: Final = _LEADS | _RUNS | {Seniority.MANAGER}
_CARRIES: Final = _RUNS | {Seniority.MANAGER, Seniority.SENIOR}
_OUTSIDE: Final = frozenset({Seniority.TRAINING, Seniority.UNPAID})
_LEVEL_POINTS: Final[Mapping[str, int]] = {level: 60 - 5 * rank for level, rank in RANK.items()}
_NAMES: Final = {Seniority.C_LEVEL: "C-level", Seniority.VP: "vice president", Function.HR: "HR", Function.IT: "IT"}


class _Candidate(NamedTuple):
    employee: Employee
    reading: TitleReading


def derive_group(company: CompanyFacts, employees: Iterable[Employee], policy: Policy) -> tuple[Member, ...]:
    """The buyer group.

    Args:
        company: its size decides who signs and how many fit a role.
        employees: everybody present, in any order.
        policy: the workspace's.

    Returns:
        One entry a person, in `group_order`.
    """
    people = [_Candidate(employee, read_employee(employee, company.industry)) for employee in employees]
    best = _best_levels(people)
    members = [member for person in people if (member := _member(company, person, policy, best)) is not None]
    return _capped(members, policy.caps(company.employee_count))


def _best_levels(people: Iterable[_Candidate]) -> Mapping[str, int]:
    """The rank of the highest level in each function."""
    best: dict[str, int] = defaultdict(lambda: len(RANK))
    for _, reading in people:
        if reading.seniority and reading.function:
            best[reading.function] = min(best[reading.function], RANK[reading.seniority])
    return best


def _member(company: CompanyFacts, person: _Candidate, policy: Policy, best: Mapping[str, int]) -> Member | None:
    employee, reading = person
    found = _role(company, reading, policy, best)
    if found is None:
        return None
    role, because = found
    return Member(
        employee.person_id,
        employee.name,
        employee.title,
        role,
        _score(reading, policy),
        reading.seniority,
        reading.function,
        f"{_describe(reading)}: {because} (read from {reading.rule})",
    )


def _role(
    company: CompanyFacts, reading: TitleReading, policy: Policy, best: Mapping[str, int]
) -> tuple[Role, str] | None:
    """The role and its reason; None is no member."""
    if reading.function is None or reading.seniority in _OUTSIDE or "seeking" in reading.flags:
        return None
    if reading.function in policy.primary and (found := _buyer(reading.seniority, reading.function, best)):
        return found
    if reading.function == Function.EXECUTIVE and reading.seniority in _HEADS:
        return _company_head(company, policy)
    return _bystander(company, reading.seniority, reading.function, policy, "support" in reading.flags)


def _buyer(level: str | None, function: str, best: Mapping[str, int]) -> tuple[Role, str] | None:
    """The role of somebody in a department that buys."""
    if level in _LEADS:
        return Role.DECISION_MAKER, f"leads a department that buys ({function})"
    if level in _RUNS and RANK[level] == best[function]:
        return Role.DECISION_MAKER, f"nobody ranks higher in a department that buys ({function})"
    if level in _CARRIES:
        return Role.CHAMPION, f"carries the work of a department that buys ({function})"
    return None


def _company_head(company: CompanyFacts, policy: Policy) -> tuple[Role, str]:
    size = company.employee_count
    if size is not None and size < policy.signs_everything_below:
        return Role.DECISION_MAKER, f"signs everything in a company of {size}"
    return Role.STAKEHOLDER, "sponsors what the company buys"


def _bystander(
    company: CompanyFacts, level: str | None, function: str, policy: Policy, supports: bool
) -> tuple[Role, str] | None:
    """The role of somebody in any other department."""
    if function in policy.blocking and level in _MANAGES and _has_blockers(company, policy):
        return Role.BLOCKER, f"can say no on behalf of {_name(function)}"
    if function == Function.ADMINISTRATIVE and supports:
        return Role.INTRODUCER, "supports those who decide"
    if (function in policy.primary or function in policy.secondary) and level in _MANAGES:
        return Role.STAKEHOLDER, f"has a say for {_name(function)}"
    return None


def _has_blockers(company: CompanyFacts, policy: Policy) -> bool:
    return company.employee_count is None or company.employee_count > policy.blockers_above


def _score(reading: TitleReading, policy: Policy) -> int:
    level = _LEVEL_POINTS[reading.seniority] if reading.seniority else 0
    if reading.function in policy.primary:
        return level + 40
    return level + (20 if reading.function in policy.secondary else 10)


def _capped(members: list[Member], caps: Mapping[str, int]) -> tuple[Member, ...]:
    kept: list[Member] = []
    surplus: list[Member] = []
    counts: dict[str, int] = defaultdict(int)
    for member in sorted(members, key=group_order):
        if member.role == Role.STAKEHOLDER:
            surplus.append(member)
        elif counts[member.role] < caps[member.role]:
            counts[member.role] += 1
            kept.append(member)
        else:
            why = f"{member.why}; more than {caps[member.role]} would be too many as {_name(member.role)}"
            surplus.append(replace(member, role=Role.STAKEHOLDER, why=why))
    kept.extend(sorted(surplus, key=group_order)[: caps[Role.STAKEHOLDER]])
    return tuple(sorted(kept, key=group_order))


def _describe(reading: TitleReading) -> str:
    level = _name(reading.seniority) if reading.seniority else "level unknown"
    return f"{level}, {_name(reading.function or '')}"


def _name(value: str) -> str:
    return _NAMES.get(value, value.replace("_", " "))  # type: ignore[call-overload, no-any-return]  # two enumerations, one namespace
