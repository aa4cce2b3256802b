"""Why somebody is in a group, or is not: every rule that was tried, and what came of it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from consumers.buyer_group.group import Kept, chosen_roles, derive_group, fitting, survey
from consumers.buyer_group.model import NO_CHOICES, Choice, CompanyFacts, Employee, Member
from consumers.buyer_group.policy import Policy
from consumers.buyer_group.rules import ROLES, SET_BY_USER, TOO_MANY, Candidate, Terms, exclusions
from consumers.buyer_group.score import Score, score
from consumers.buyer_group.titles import TitleReading


class Step(NamedTuple):
    """One rule that was tried.

    Attributes:
        role: what it would make of the person; None: no member.
        says: if it fired, why; else what it asks.
    """

    rule: str
    role: str | None
    fired: bool
    says: str


class Explanation(NamedTuple):
    """What the rules make of one person.

    Attributes:
        reading: what their title says.
        score: the parts of their weight.
        steps: the rules that were tried, in order.
        members: their places in the group; empty: none.
        verdict: the outcome in one sentence.
    """

    person_id: str
    reading: TitleReading
    score: Score
    steps: tuple[Step, ...]
    members: tuple[Member, ...]
    verdict: str


def explain(
    company: CompanyFacts,
    employees: Iterable[Employee],
    policy: Policy,
    person_id: str,
    choices: Mapping[str, Choice] = NO_CHOICES,
) -> Explanation | None:
    """Why somebody is in the group of `derive_group`, or is not; None of whom the company does not employ.

    Args:
        company: as there.
        employees: everybody present, because who ranks highest and who is too many depends on all of them.
        policy: the workspace's.
        person_id: whom to explain.
        choices: roles that somebody chose, by person id.
    """
    everybody = list(employees)
    terms, people = survey(company, everybody, policy)
    kept = next((one for one in people if one.employee.person_id == person_id), None)
    if kept is None:
        return None
    group = derive_group(company, everybody, policy, choices)
    members = tuple(member for member in group if member.person_id == person_id)
    person, steps = kept.person, tuple(_steps(terms, kept, choices.get(person_id)))
    weight = score(kept.employee, person.reading, person.standing, person.named is not None)
    return Explanation(person_id, person.reading, weight, steps, members, _verdict(terms, steps, members))


def _steps(terms: Terms, kept: Kept, choice: Choice | None) -> Iterable[Step]:
    if choice is not None:
        chosen = chosen_roles(choice, terms.policy)
        says = f"set to {choice.role} by {choice.set_by or 'a user'}"
        if not chosen:
            says += ", which is no role of this workspace: it does not count"
        yield Step(SET_BY_USER, ", ".join(chosen) or None, bool(chosen), says)
        if chosen:
            return
    for rule in exclusions(terms.policy):
        if kept.out is not None and kept.out[0] is rule:
            yield Step(rule.id, None, fired=True, says=kept.out[1])
            return
        yield Step(rule.id, None, fired=False, says=rule.asks)
    yield from _role_steps(terms, kept.person)


def _role_steps(terms: Terms, person: Candidate) -> Iterable[Step]:
    fired = {rule.id: why for rule, why in fitting(terms, person)}
    for rule in ROLES:
        yield Step(rule.id, rule.role, rule.id in fired, fired.get(rule.id, rule.asks))
        if rule.id in fired and not terms.policy.also:
            return


def _verdict(terms: Terms, steps: Iterable[Step], members: Iterable[Member]) -> str:
    fired = [step for step in steps if step.fired]
    if places := list(members):
        return "; ".join(f"{member.own_role or member.role}: {member.why}" for member in places)
    if not fired:
        return "no member: no rule fits"
    last = fired[-1]
    if last.role is None:
        return f"no member: {last.says} ({last.rule})"
    caps = terms.policy.caps_of(terms.tier)
    return (
        f"no member: {last.says} ({last.rule}), but others weigh more; a company of tier {terms.tier.name} has "
        f"at most {caps[last.role]} as {last.role} and {caps['stakeholder']} as stakeholder ({TOO_MANY})"
    )
