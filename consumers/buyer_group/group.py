"""A company's buyer group, derived from everybody who works there under a workspace's policy.

The rules are tried in order, the first one counts; who is too many for a role becomes a stakeholder, who is too many
there is left out. What somebody chose for a person comes before all rules. Ties are broken by person id, so the order
of the roster cannot matter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from consumers.buyer_group.model import NO_CHOICES, RANK, Choice, CompanyFacts, Employee, Member, Role, group_order
from consumers.buyer_group.policy import PRIMARY, OwnRole, Policy, PolicyKey
from consumers.buyer_group.room import shares_room, take_room
from consumers.buyer_group.rules import (
    SET_BY_USER,
    TOO_MANY,
    Candidate,
    Exclusion,
    Rule,
    Terms,
    exclusions,
    name,
    rules_for,
)
from consumers.buyer_group.score import network, score
from consumers.buyer_group.titles import CACHED_TITLES, TitleReading, read_employee
from schemas.values import maker

_CERTAIN: Final = 100
_BELOW_ALL: Final = len(RANK)

_ANYBODY: Final = Employee("")
"""Nobody in particular: what is remembered of a title holds for everybody who has it."""


class Kept(NamedTuple):
    """Somebody with what keeps them out: the rule and its reason; None: nothing does."""

    employee: Employee
    person: Candidate
    out: tuple[Exclusion, str] | None


_kept, _member_of = maker(Kept), maker(Member)


class Place(NamedTuple):
    """What a rule makes of everybody with a title; `weight` is the score without the ways to reach a person."""

    role: str
    weight: int
    why: str
    rule: str
    confidence: int


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
        chosen = choices.get(one.employee.person_id) if choices else None
        if chosen is not None or one.out is None:
            members += roles_of(terms, one, chosen)
    group = capped(members, policy.caps_of(terms.tier))
    return _named(group, people, policy) if policy.own_roles else group


def survey(company: CompanyFacts, employees: Iterable[Employee], policy: Policy) -> tuple[Terms, list[Kept]]:
    """Everybody as the policy sees them, and what follows from all of them together."""
    best: dict[str | None, int] = {}
    key, industry = policy.key, company.industry
    people: list[Kept] = []
    for employee in employees:
        person, out = _seen(key, employee.title, employee.seniority, employee.department, employee.country, industry)
        people.append(_kept((employee, person, out)))
        level = person.reading.seniority
        if out is None and level and person.standing == PRIMARY:
            function, rank = person.reading.function, RANK[level]
            if rank < best.get(function, _BELOW_ALL):
                best[function] = rank
    return _terms(policy, company.employee_count, best), people


def _terms(policy: Policy, size: int | None, best: Mapping[str | None, int]) -> Terms:
    big = size is None or size > policy.blockers_above
    blocks = big or (policy.deal_size is not None and policy.deal_size > policy.blockers_deal_above)
    return Terms(policy, size, policy.tier(size), best, blocks)


@lru_cache(CACHED_TITLES)
def _seen(
    key: PolicyKey,
    title: str | None,
    seniority: str | None,
    department: str | None,
    country: str | None,
    industry: str | None,
) -> tuple[Candidate, tuple[Exclusion, str] | None]:
    """Everybody of whom the same is said, and what keeps them out: colleagues do not matter, so it is remembered."""
    take_room(title, seniority, department, country, industry)
    policy = key.policy
    employee = Employee("", title=title, seniority=seniority, department=department, country=country)
    reading = read_employee(employee, industry)
    phrase, standing = policy.standing_phrases.find(title) or (None, policy.standings.get(reading.function))
    person = Candidate(title, country, reading, standing, phrase)
    out = next(((rule, why) for rule in exclusions(policy) if (why := rule.fits(policy, person))), None)
    return person, out


shares_room(_seen.cache_clear)


def roles_of(terms: Terms, kept: Kept, choice: Choice | None) -> list[Member]:
    """The memberships of one person, before caps."""
    employee, person, out = kept
    if choice is not None and (chosen := chosen_roles(choice, terms.policy)):
        return [_chosen(kept, role, own, choice) for role, own in chosen.items()]
    if out is not None:
        return []
    reading = person.reading
    places = _places(person, terms.policy.key, terms.size, terms.best.get(reading.function))
    return [_member(employee, reading, place) for place in places]


@lru_cache(CACHED_TITLES)
def _places(person: Candidate, key: PolicyKey, size: int | None, best: int | None) -> tuple[Place, ...]:
    """What the rules make of everybody with a title.

    Args:
        person: of `_seen`, so the same one for everybody of whom the same is said.
        key: of the policy.
        size: of the company.
        best: the rank of the highest level in the person's function: all that the rules ask of the colleagues.
    """
    reading = person.reading
    terms = _terms(key.policy, size, {} if best is None else {reading.function: best})
    weight = score(_ANYBODY, reading, person.standing, person.named is not None).total
    sure = round(reading.confidence * _CERTAIN)
    return tuple(Place(rule.role, weight, _why(reading, why), rule.id, sure) for rule, why in fitting(terms, person))


shares_room(_places.cache_clear)


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


def _member(employee: Employee, reading: TitleReading, place: Place) -> Member:
    role, weight, why, rule, sure = place
    person_id, name, title, _, _, email, linkedin_url, _ = employee
    weight += network(email, linkedin_url)
    says = (person_id, role, name, title, reading.seniority, reading.function, weight, why, rule, None, None, sure)
    return _member_of(says)


def _chosen(kept: Kept, role: str, own: str | None, choice: Choice) -> Member:
    employee, person = kept.employee, kept.person
    weight = score(_ANYBODY, person.reading, person.standing, person.named is not None).total
    by = f"set by {choice.set_by}" if choice.set_by else "set by a user"
    member = _member(employee, person.reading, Place(role, weight, _why(person.reading, by), SET_BY_USER, _CERTAIN))
    return member._replace(own_role=own, set_by=choice.set_by or "a user")


def _why(reading: TitleReading, why: str) -> str:
    return f"{_describe(reading)}: {why} (read from {reading.rule})"


def _named(group: Iterable[Member], people: Iterable[Kept], policy: Policy) -> tuple[Member, ...]:
    """The members with the workspace's own names of their roles."""
    by_id = {one.employee.person_id: one.person for one in people}
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
    return not own.titles or policy.own_phrases[own.name].find(person.title) is not None


def capped(members: Sequence[Member], caps: Mapping[str, int]) -> tuple[Member, ...]:
    """The members that fit; those whom somebody chose always do, and take their places first."""
    if all(count <= caps[role] for role, count in Counter([member.role for member in members]).items()):
        return tuple(sorted(members, key=group_order))
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
