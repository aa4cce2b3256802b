"""Steps about buyer groups: what there is, who there is, and what would come of it. None of them writes."""

from typing import Final

from consumers.buyer_group import Choice, Policy, derive_group
from consumers.steps.context import PipelineContext
from consumers.steps.errors import UnknownWorkspaceError
from consumers.steps.models import (
    BuyerGroup,
    DerivedGroup,
    DeriveInput,
    Discovered,
    DiscoverInput,
    GroupInput,
    GroupMember,
    PersonFacts,
)
from consumers.steps.step import Run, Step
from consumers.workspaces.policies import Policies


def read_group(company_id: str, workspace_id: str, context: PipelineContext) -> BuyerGroup:
    """A group as it is now; version 0 where there is none."""
    view = context.reads.group(workspace_id, company_id)
    return BuyerGroup(
        company_id=company_id,
        workspace_id=workspace_id,
        version=view.version if view else 0,
        refreshed_at=view.refreshed_at if view else None,
        refresh_due_at=view.refresh_due_at if view else None,
        members=tuple(GroupMember.of(member) for member in view.members) if view else (),
    )


def _load(given: GroupInput, run: Run) -> BuyerGroup:
    return read_group(given.company_id, given.workspace_id, run.context)


def _discover(given: DiscoverInput, run: Run) -> Discovered:
    roster = tuple(PersonFacts(**row._asdict()) for row in run.context.reads.people(given.company_id))
    return Discovered(company_id=given.company_id, people=roster, from_roster=len(roster))


def _lay_over(given: DiscoverInput, found: Discovered) -> Discovered:
    """The roster with what the pipeline knows, which may be of people who opted out: so it is not recorded."""
    people = {person.person_id: person for person in found.people}
    for person in given.people:
        said = person.model_dump(exclude_none=True)
        known = people.get(person.person_id)
        people[person.person_id] = person if known is None else known.model_copy(update=said)
    there = tuple(person for _, person in sorted(people.items()) if person.present)
    return found.model_copy(update={"people": there})


def _derive(given: DeriveInput, run: Run) -> DerivedGroup:
    policy, company = _policy(given.workspace_id, run), given.company.facts()
    employees = [person.employee() for person in given.people if person.present]
    rows = run.context.reads.choices(given.workspace_id, company.company_id)
    choices = {row.person_id: Choice(row.role, row.set_by) for row in rows}
    members = derive_group(company, employees, policy, choices) if policy.tracking.holds(company) else ()
    return DerivedGroup(
        company_id=given.company.company_id,
        workspace_id=given.workspace_id,
        policy_version=policy.version,
        members=tuple(GroupMember.of(member) for member in members),
    )


def _policy(workspace_id: str, run: Run) -> Policy:
    policy = Policies().learned(run.context.reads.policies()).at(workspace_id, run.at)
    if policy is None:
        raise UnknownWorkspaceError(f"there is no workspace {workspace_id} yet; `person-changes workspace` makes it")
    return policy


load_buyer_group: Final = Step("load_buyer_group", GroupInput, BuyerGroup, lambda given: given.company_id, _load)
"""Read the group that there is, and whether it covers all that was said."""
discover_members: Final = Step(
    "discover_members", DiscoverInput, Discovered, lambda given: given.company_id, _discover, _lay_over
)
"""Find everybody who works there: the roster, with what the pipeline knows laid over it."""
derive_buyer_group: Final = Step(
    "derive_buyer_group", DeriveInput, DerivedGroup, lambda given: given.company.company_id, _derive
)
"""Compute what the group of these people would be by the workspace's rules and choices; nothing is stored."""
