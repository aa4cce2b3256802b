"""Why somebody is in a company's group, or is not: what is known, who said so, and what the rules make of it."""

from typing import NamedTuple

from consumers.buyer_group import NO_CHOICES, Choice, Explanation, Policy, explain
from consumers.engine.identity import persons, resolve
from consumers.engine.register import Register, Value, parts_of
from consumers.engine.state import JOB_FIELDS, PERSON_FIELDS, CompanyState, Employment, counting, destination_of
from consumers.runtime.rows import company_facts, company_state, employee
from consumers.workspaces.policies import Policies
from db.store import Store


class Word(NamedTuple):
    """What is known of one field, and who said it when; times are ms UTC."""

    field: str
    value: str
    source: str
    event_id: str
    occurred_at: int


class Known(NamedTuple):
    """A person at a company, as the roster has them now.

    Attributes:
        person_id: the id that groups have.
        also_known_as: other ids that are the same person.
        words: field by field, those of which somebody has said something.
        policy_version: that the rules were asked under.
        pending: changes that are on the roster, but in no group yet.
        explanation: None of whom the company does not employ, and where the workspace does not track the company.
        tracked: whether the workspace tracks the company.
    """

    person_id: str
    also_known_as: tuple[str, ...]
    name: str | None
    present: bool
    words: tuple[Word, ...]
    policy_version: int
    pending: int
    explanation: Explanation | None
    tracked: bool


class UnknownError(Exception):
    """There is no such workspace, company or person; the message says which."""


def known_person(store: Store, workspace_id: str, company_id: str, person_id: str, now: int) -> Known:
    """What is known of a person at a company, and what the rules of a workspace make of it.

    Args:
        store: where it is.
        workspace_id: whose policy: the one that made the group that is there, or else the one that counts now.
        company_id: where the person works, or worked.
        person_id: any of their ids.
        now: ms UTC.

    Raises:
        UnknownError: nothing was ever said of them.
        RetryableDatabaseError: the database is away.
    """
    found = store.companies([company_id], [])
    if not found.companies:
        raise UnknownError(
            f"company {company_id} is not known: no change of it was applied yet, or the id is another one"
        )
    rosters = store.rosters([company_id], [])
    made_by = [group.policy_version for group in rosters.groups if group.workspace_id == workspace_id]
    policy = _policy(Policies().learned(found.policies), workspace_id, made_by, now)
    state = company_state(found.companies[0], rosters.employments, True, {}, found.choices)  # noqa: FBT003
    return _explained(state, policy, person_id)


def _policy(policies: Policies, workspace_id: str, made_by: list[int], now: int) -> Policy:
    policy = policies.version(workspace_id, made_by[0]) if made_by else policies.at(workspace_id, now)
    if policy is None:
        raise UnknownError(f"there is no workspace {workspace_id}, or no policy of it counts yet")
    return policy


def _explained(state: CompanyState, policy: Policy, person_id: str) -> Known:
    canonical = resolve(state.roster)
    everybody = persons(state.roster, canonical)
    known_as = canonical.get(person_id, person_id)
    person = everybody.get(known_as)
    if person is None:
        raise UnknownError(
            f"company {state.company_id} has heard nothing of a person {person_id}: ids are as `group show --json` "
            "and the sources have them, with the source's name in front where its ids are not ours"
        )
    company = company_facts(state.company_id, state.facts)
    people = [employee(everybody[one]) for one in sorted(everybody) if everybody[one].present]
    tracked = policy.tracking.holds(company)
    chosen = {
        choice.person_id: Choice(choice.role or "", choice.set_by)
        for choice in counting(state.choices, state.roster)
        if choice.workspace_id == policy.workspace_id
    }
    explanation = explain(company, people, policy, known_as, chosen or NO_CHOICES) if tracked else None
    others = tuple(sorted(one for one in state.roster if canonical.get(one, one) == known_as and one != known_as))
    name = person.who.values[0]
    return Known(
        known_as,
        others,
        name if isinstance(name, str) else None,
        person.present,
        _words(person),
        policy.version,
        state.pending_count,
        explanation,
        tracked,
    )


def _words(person: Employment) -> tuple[Word, ...]:
    return (*_said(PERSON_FIELDS, person.who), *_said(JOB_FIELDS, person.job))


def _said(names: tuple[str, ...], register: Register) -> list[Word]:
    words = []
    for name, value, stamp in zip(names, register.values, register.stamps, strict=True):
        if value is not None and stamp:
            occurred_at, source, event_id = parts_of(stamp)
            words.append(Word(name, _text(name, value), source, event_id, occurred_at))
    return words


def _text(name: str, value: Value) -> str:
    if name == "present":
        return "yes" if value else "no"
    if name == "went_to":
        where = destination_of(str(value))
        return f"{where.name} ({where.id})" if where.name else where.id
    return str(value)
