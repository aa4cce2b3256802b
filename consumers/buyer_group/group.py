"""A company's buyer group, derived from everybody who works there under a workspace's policy.

The rules are tried in order, the first one counts; who is too many for a role becomes a stakeholder, who is too many
there is left out. What somebody chose for a person comes before all rules. Ties are broken by person id, so the order
of the roster cannot matter.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from consumers.buyer_group.model import NO_CHOICES, RANK, Choice, CompanyFacts, Employee, Member, Role, group_order
from consumers.buyer_group.policy import PRIMARY, OwnRole, Policy
from consumers.buyer_group.rules import (
    ALWAYS_ASKED,
    SET_BY_USER,
    TOO_MANY,
    Candidate,
    Rule,
    Terms,
    exclusions,
    may_be_out,
    name,
    rules_for,
)
from consumers.buyer_group.score import score
from consumers.buyer_group.titles import TitleReading, read_employee

_CERTAIN: Final = 100


class Kept(NamedTuple):
    """Somebody with what keeps them out: the rule and its reason; None: nothing does."""

    person: Candidate
    out: tuple[Rule, str] | None


def derive_group(
    company: CompanyFacts,
    employees: Iterable[Employee],
    policy: Policy,
    choices: Mapping[str, Choice] = NO_CHOICES,
) -> tuple[Member, ...]:
    """The buyer group.

    Args:
        company: its size decides who signs and how many fit a role.
        employees: everybody present, in any order.
        policy: the workspace's.
        choices: roles that somebody chose, by person id; of people who are not there they wait.

    Returns:
        One entry a person and role, in `group_order`.
    """
    terms, people = survey(company, employees, policy)
    members: list[Member] = []
    for one in people:
        chosen = choices.get(one.person.employee.person_id) if choices else None
        if chosen is not None or one.out is None:
            members += roles_of(terms, one, chosen)
    group = capped(members, policy.caps_of(terms.tier))
    return _named(group, people, policy) if policy.own_roles else group


def survey(company: CompanyFacts, employees: Iterable[Employee], policy: Policy) -> tuple[Terms, list[Kept]]:
    """Everybody as the policy sees them, and what follows from all of them together."""
    size = company.employee_count
    big = size is None or size > policy.blockers_above
    blocks = big or (policy.deal_size is not None and policy.deal_size > policy.blockers_deal_above)
    best: dict[str | None, int] = {}
    terms = Terms(company, policy, policy.tier(size), best, blocks)
    asked, standings, named = exclusions(policy), policy.standings, policy.standing_phrases
    people: list[Kept] = []
    for employee in employees:
        reading = read_employee(employee, company.industry)
        found = named.find(employee.title) if named else None
        phrase, standing = found or (None, standings.get(reading.function))
        person = Candidate(employee, reading, standing, phrase)
        out = _kept_out(asked, terms, person) if len(asked) > ALWAYS_ASKED or may_be_out(reading) else None
        people.append(Kept(person, out))
        level = reading.seniority
        if out is None and level and person.standing == PRIMARY:
            best[reading.function] = min(best.get(reading.function, RANK[level]), RANK[level])
    return terms, people


def _kept_out(asked: Sequence[Rule], terms: Terms, person: Candidate) -> tuple[Rule, str] | None:
    return next(((rule, why) for rule in asked if (why := rule.fits(terms, person))), None)


def roles_of(terms: Terms, kept: Kept, choice: Choice | None) -> list[Member]:
    """The memberships of one person, before caps."""
    person, out = kept
    if choice is not None and (chosen := chosen_roles(choice, terms.policy)):
        by = f"set by {choice.set_by}" if choice.set_by else "set by a user"
        return [_member(person, r, SET_BY_USER, by, choice=choice, own=own) for r, own in chosen.items()]
    if out is not None:
        return []
    return [_member(person, rule.role, rule.id, why) for rule, why in fitting(terms, person) if rule.role]


def fitting(terms: Terms, person: Candidate) -> list[tuple[Rule, str]]:
    """The first rule that fits, and those for the roles that the policy gives besides."""
    found: list[tuple[Rule, str]] = []
    wanted: frozenset[str] | None = None
    for rule in rules_for(person):
        if (wanted is None or rule.role in wanted) and (why := rule.fits(terms, person)):
            found.append((rule, why))
            if not terms.policy.also:
                break
            wanted = (terms.policy.also if wanted is None else wanted) - {rule.role}
    return found


def chosen_roles(choice: Choice, policy: Policy) -> dict[str, str | None]:
    """The roles that a choice names, each with the workspace's own name; those that it knows not are left out."""
    roles: dict[str, str | None] = {}
    for said in choice.role.split(","):
        called = said.strip().casefold()
        if role := policy.role_names.get(called):
            own = next((own.name for own in policy.own_roles if own.name.casefold() == called), None)
            roles[role] = roles.get(role) or own
    return roles


def _member(
    person: Candidate,
    role: str,
    rule: str,
    why: str,
    *,
    choice: Choice | None = None,
    own: str | None = None,
) -> Member:
    employee, reading = person.employee, person.reading
    return Member(
        employee.person_id,
        employee.name,
        employee.title,
        role,
        score(employee, reading, person.standing, person.named is not None).total,
        reading.seniority,
        reading.function,
        f"{_describe(reading)}: {why} (read from {reading.rule})",
        rule,
        own,
        None if choice is None else choice.set_by or "a user",
        _CERTAIN if choice else round(reading.confidence * 100),
    )


def _named(group: Iterable[Member], people: Iterable[Kept], policy: Policy) -> tuple[Member, ...]:
    """The members with the workspace's own names of their roles."""
    by_id = {one.person.employee.person_id: one.person for one in people}
    return tuple(
        member._replace(own_role=member.own_role or _own_role(policy, by_id[member.person_id], member.role))
        for member in group
    )


def _own_role(policy: Policy, person: Candidate, role: str) -> str | None:
    """The first of the workspace's own roles that fits somebody in one of the five."""
    return next((own.name for own in policy.own_roles if own.role == role and _is_own(policy, own, person)), None)


def _is_own(policy: Policy, own: OwnRole, person: Candidate) -> bool:
    reading = person.reading
    if own.departments and reading.function not in own.departments:
        return False
    if own.levels and reading.seniority not in own.levels:
        return False
    return not own.titles or policy.own_phrases[own.name].find(person.employee.title) is not None


def capped(members: Sequence[Member], caps: Mapping[str, int]) -> tuple[Member, ...]:
    """The members that fit; those whom somebody chose always do, and take their places first."""
    kept = [member for member in members if member.rule == SET_BY_USER]
    counts: dict[str, int] = defaultdict(int)
    for member in kept:
        counts[member.role] += 1
    surplus: list[Member] = []
    for member in sorted(members, key=group_order):
        if member.rule == SET_BY_USER:
            continue
        if member.role == Role.STAKEHOLDER:
            surplus.append(member)
        elif counts[member.role] < caps[member.role]:
            counts[member.role] += 1
            kept.append(member)
        else:
            surplus.append(_moved_on(member, caps[member.role]))
    kept.extend(_stakeholders(surplus, kept, caps[Role.STAKEHOLDER] - counts[Role.STAKEHOLDER]))
    return tuple(sorted(kept, key=group_order))


def _moved_on(member: Member, cap: int) -> Member:
    why = f"{member.why}; more than {cap} would be too many as {name(member.role)}"
    return member._replace(role=Role.STAKEHOLDER, why=why, rule=TOO_MANY)


def _stakeholders(surplus: Sequence[Member], kept: Sequence[Member], room: int) -> list[Member]:
    """The weightiest, each person once; who was moved on, but has a role all the same, needs no other."""
    placed = {member.person_id for member in (*kept, *surplus) if member.rule != TOO_MANY}
    wanted = (member for member in surplus if member.rule != TOO_MANY or member.person_id not in placed)
    found = {member.person_id: member for member in wanted}
    return sorted(found.values(), key=group_order)[: max(0, room)]


def _describe(reading: TitleReading) -> str:
    level = name(reading.seniority) if reading.seniority else "level unknown"
    return f"{level}, {name(reading.function) if reading.function else 'department unknown'}"
