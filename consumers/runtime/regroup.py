"""A refresh made into rows: the new buyer group of each workspace, what it changed, and whom to tell. Pure.

Only the two wall-clock times of the refresh log and the duration come from outside, through `clock`; nothing is decided
by them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.buyer_group import (
    NO_CHOICES,
    Choice,
    CompanyFacts,
    Employee,
    GroupChange,
    Kind,
    Member,
    Policy,
    Standing,
    correct_identity,
    derive_group,
    diff_standings,
    is_gone,
)
from consumers.engine.state import Refresh
from consumers.runtime.group_rows import change_row, difference, member_row, past_head, past_members
from consumers.runtime.rows import company_facts, employee
from consumers.runtime.updates import NewVersion, update_of
from consumers.workspaces.policies import Policies
from db.rows import (
    BatchWrites,
    GroupRow,
    MemberKey,
    OperationRow,
    OutboxRow,
    RefreshRow,
)
from schemas.codec import Codec

STEP = "save_buyer_group"
ERASED: Final = GroupChange(Kind.ERASED, None, None, None, None, "a member has opted out")


@dataclass(frozen=True, slots=True)
class Group:
    """A buyer group as stored: version 0 is one that has never had anybody in it.

    Attributes:
        policy_version: None: it has never been refreshed.
        tracked: whether the workspace tracked the company then; what is not tracked has no members.
        erased: how many members were erased since that version.
    """

    version: int = 0
    changed_at: int | None = None
    members: tuple[Member, ...] = ()
    policy_version: int | None = None
    tracked: bool = False
    erased: int = 0

    @property
    def has_news(self) -> bool:
        """Whether it is to be looked at although its company is tracked no more: once, and if somebody was erased."""
        return self.tracked or self.erased > 0


def without(erased: frozenset[str], group: Group) -> Group:
    """The group without members who were erased; they count, but nothing else of them is known."""
    gone = {member.person_id for member in group.members} & erased if erased else erased
    if not gone:
        return group
    left = tuple(member for member in group.members if member.person_id not in gone)
    return replace(group, members=left, erased=group.erased + len(gone))


NOBODY: Final = Group()


@dataclass(slots=True)
class Regrouping:
    """Makes refreshes into rows of one batch.

    Attributes:
        writes: where the rows go.
        topic: where other services are told.
        policies: of all workspaces.
        clock: wall-clock time in microseconds.
    """

    writes: BatchWrites
    topic: str
    codec: Codec
    policies: Policies
    clock: Callable[[], int]
    _heads: dict[tuple[str, str], GroupRow] = field(default_factory=dict)

    def company(self, company_id: str, refreshes: Sequence[Refresh], groups: Mapping[str, Group]) -> None:
        """The refreshes of a company, in order.

        Args:
            company_id: whose they are.
            refreshes: in log order.
            groups: the company's groups as stored, by workspace.
        """
        after = dict(groups)
        for refresh in refreshes:
            started = self.clock()
            facts, people = company_facts(company_id, refresh.facts), [employee(person) for person in refresh.people]
            changed = [
                self._workspace(facts, people, refresh, policy, after)
                for policy in self.policies.counting(refresh.at)
                if policy.tracking.holds(facts) or after.get(policy.workspace_id, NOBODY).has_news
            ]
            self._log(company_id, refresh, started, any(changed))
        for workspace_id, group in after.items():
            self._members(company_id, workspace_id, groups.get(workspace_id, NOBODY).members, group.members)

    def _workspace(
        self,
        company: CompanyFacts,
        people: Sequence[Employee],
        refresh: Refresh,
        policy: Policy,
        groups: dict[str, Group],
    ) -> bool:
        """One workspace's group at one refresh; whether it changed. What is tracked no more has no members."""
        started, company_id = self.clock(), company.company_id
        before = without(refresh.erased, groups.get(policy.workspace_id, NOBODY))
        chosen, tracked = _chosen(refresh, policy.workspace_id), policy.tracking.holds(company)
        now, then = _standing(company, people, policy, chosen), self._policy_of(before, policy)
        group = replace(before, members=tuple(now.members), policy_version=policy.version, tracked=tracked)
        if now.members != before.members or then is not policy or before.erased:
            world = now if then is policy else _standing(company, people, then, chosen)
            lines = _lines(Standing(before.members, then), world, now, refresh)
            # A score or a spelling alone is kept, but is no version: nobody wants to be told.
            lines = lines if tracked else tuple(line for line in lines if line.person_id)
            if lines := (*lines, *(ERASED,) * before.erased):
                group = replace(group, version=before.version + 1, changed_at=refresh.at, erased=0)
                self._version(NewVersion(company_id, group.version, refresh, then, now, lines))
            key = (company_id, policy.workspace_id)
            self.writes.past_members.extend(past_members(key, before.members, now.members, refresh.at))
        groups[policy.workspace_id] = group
        self._head(company_id, now, before, group, refresh)
        self._operation(company_id, policy, refresh, started)
        return group.version != before.version

    def _policy_of(self, group: Group, policy: Policy) -> Policy:
        """The policy under which a group was derived: `policy` itself, when that still counts or was the first."""
        if group.policy_version is None or group.policy_version == policy.version:
            return policy
        return self.policies.version(policy.workspace_id, group.policy_version) or policy

    def _head(self, company_id: str, now: Standing, before: Group, group: Group, refresh: Refresh) -> None:
        policy, filled = now.policy, now.complete
        row = GroupRow(
            company_id,
            policy.workspace_id,
            version=group.version,
            refreshed_at=refresh.at,
            changed_at=group.changed_at,
            policy_version=policy.version,
            completeness=filled.percent,
            missing=filled.missing,
            tracked=group.tracked,
            erased=group.erased,
        )
        self._heads[company_id, policy.workspace_id] = row
        if group != before:
            self.writes.past_heads.append(past_head(row))

    def finish(self) -> None:
        """Hand over the heads: one row a group, however often it was refreshed in the batch."""
        self.writes.groups.extend(self._heads.values())

    def _version(self, new: NewVersion) -> None:
        """What it changed, for the history and for other services."""
        key, at = (new.company_id, new.now.policy.workspace_id, new.number), new.refresh.at
        for position, line in enumerate(new.lines):
            self.writes.changes.append(change_row(key, position, new.refresh, line))
        value = self.codec.encode(update_of(new))
        self.writes.outbox.append(OutboxRow(*key, self.topic, value, at))

    def _operation(self, company_id: str, policy: Policy, refresh: Refresh, started: int) -> None:
        key, duration = f"{policy.workspace_id}:{refresh.at}", self.clock() - started
        self.writes.operations.append(
            OperationRow(company_id, STEP, key, _input_hash(refresh, policy), "succeeded", duration)
        )

    def _log(self, company_id: str, refresh: Refresh, started: int, changed: bool) -> None:
        outcome = "changed" if changed else "unchanged"
        times = (started // 1000, self.clock() // 1000)
        self.writes.refreshes.append(
            RefreshRow(company_id, refresh.at, refresh.cause, refresh.covered, outcome, *times)
        )

    def _members(self, company_id: str, workspace_id: str, before: Sequence[Member], after: Sequence[Member]) -> None:
        written, gone = difference(before, after)
        self.writes.removed_members.extend(MemberKey(company_id, workspace_id, m.person_id, m.role) for m in gone)
        self.writes.members.extend(member_row(company_id, workspace_id, m) for m in written)


def _standing(
    company: CompanyFacts, people: Sequence[Employee], policy: Policy, chosen: Mapping[str, Choice]
) -> Standing:
    """The group under a policy; of a company that it does not track an empty one."""
    return Standing(derive_group(company, people, policy, chosen) if policy.tracking.holds(company) else (), policy)


def _lines(before: Standing, world: Standing, after: Standing, refresh: Refresh) -> tuple[GroupChange, ...]:
    """What a version changes; whose id alone is another one has neither come nor gone."""
    present, corrected = {person.person_id for person in refresh.people}, refresh.corrected
    known, lines = correct_identity(before.members, world.members, corrected) if corrected else (before.members, ())
    departed = {
        m.person_id: refresh.went_to.get(corrected.get(m.person_id, ("", m.person_id))[1])
        for m in known
        if is_gone(m.person_id, corrected, present)
    }
    return (*lines, *diff_standings(Standing(known, before.policy), world, after, departed))


def _chosen(refresh: Refresh, workspace_id: str) -> Mapping[str, Choice]:
    """The roles that somebody chose in a workspace, by person."""
    if not refresh.choices:
        return NO_CHOICES
    return {c.person_id: Choice(c.role or "", c.set_by) for c in refresh.choices if c.workspace_id == workspace_id}


def _input_hash(refresh: Refresh, policy: Policy) -> str:
    people = [(p.person_id, p.who.values, p.job.values) for p in refresh.people]
    chosen = [choice for choice in refresh.choices if choice.workspace_id == policy.workspace_id]
    # As JSON, because to write a roster so takes a quarter of the time that `repr` needs.
    inputs = json.dumps((refresh.facts.values, people, policy.workspace_id, policy.version, *chosen))
    return hashlib.blake2b(inputs.encode(), digest_size=16).hexdigest()
