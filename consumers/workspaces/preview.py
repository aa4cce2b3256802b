"""What a policy would change about the groups that there are: from today's rosters, with the core that makes groups."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from consumers.buyer_group import (
    Choice,
    CompanyFacts,
    Employee,
    GroupChange,
    Member,
    Policy,
    completeness,
    derive_group,
    diff_groups,
)
from consumers.engine.identity import persons, resolve
from consumers.engine.state import CompanyState, counting
from consumers.runtime.rows import company_facts, company_state, employee
from db.policies import PolicyStore
from db.store import Store

PAGE: Final = 200
"""Companies whose rosters are in memory at once."""
WHOLE: Final = 100
"""Percent of a complete group."""


class Difference(NamedTuple):
    """What a policy would change about one company's group.

    Attributes:
        tracked: whether the policy tracks the company.
        before: completeness, in percent; the same for `after`.
    """

    company: CompanyFacts
    changes: tuple[GroupChange, ...]
    tracked: bool
    before: int
    after: int

    @property
    def is_news(self) -> bool:
        """Whether a seller would be told: somebody comes, goes or changes, or the group gets or loses its last role."""
        return bool(self.changes) or (self.tracked and (self.before == WHOLE) != (self.after == WHOLE))


@dataclass
class Summary:
    """The differences of all companies, added up.

    Attributes:
        companies: how many were looked at.
        tracked: ids of those that the policy tracks.
        changed: ids of those whose group would change.
        kinds: how many changes of which kind.
        first: the first differences.
        completed: groups that would be complete, and are not.
        broken: groups that are complete, and would not be.
    """

    most: int
    companies: int = 0
    tracked: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    first: list[Difference] = field(default_factory=list)
    completed: int = 0
    broken: int = 0

    def add(self, difference: Difference) -> None:
        """One company's."""
        self.companies += 1
        self.completed += difference.before < difference.after == WHOLE
        self.broken += difference.after < difference.before == WHOLE
        if difference.tracked:
            self.tracked.append(difference.company.company_id)
        if difference.is_news:
            self.changed.append(difference.company.company_id)
            self.kinds.update(change.kind for change in difference.changes)
            if len(self.first) < self.most:
                self.first.append(difference)


def differences(store: Store, companies: PolicyStore, before: Policy | None, after: Policy) -> Iterator[Difference]:
    """One for each company that we know, in order of ids, a page at a time.

    Args:
        store: where the rosters are.
        companies: where the list of companies is.
        before: the workspace's last version; None: it is new.
        after: the policy that would follow.
    """
    last = ""
    while ids := companies.companies(last, PAGE):
        known = store.companies(ids, [])
        rosters = store.rosters(ids, [])
        for row in sorted(known.companies, key=lambda row: row.company_id):
            people = [person for person in rosters.employments if person.company_id == row.company_id]
            choices = [choice for choice in known.choices if choice.company_id == row.company_id]
            yield difference(company_state(row, people, True, {}, choices), before, after)  # noqa: FBT003
        last = ids[-1]


def difference(state: CompanyState, before: Policy | None, after: Policy) -> Difference:
    """What a policy would change about one company's group, were it refreshed now."""
    company = company_facts(state.company_id, state.facts)
    everybody = persons(state.roster, resolve(state.roster))
    people = [employee(everybody[person]) for person in sorted(everybody) if everybody[person].present]
    chosen = {
        choice.person_id: Choice(choice.role or "", choice.set_by)
        for choice in counting(state.choices, state.roster)
        if choice.workspace_id == after.workspace_id
    }
    old, new = (_group(company, people, policy, chosen) for policy in (before, after))
    complete = completeness(old, before).percent if before else 0
    tracked, changes = after.tracking.holds(company), diff_groups(old, new, {})
    return Difference(company, changes, tracked, complete, completeness(new, after).percent)


def _group(
    company: CompanyFacts, people: list[Employee], policy: Policy | None, chosen: dict[str, Choice]
) -> tuple[Member, ...]:
    if policy is None or not policy.tracking.holds(company):
        return ()
    return derive_group(company, people, policy, chosen)
