"""A refresh made into rows: the new buyer group of each workspace, what it changed, and whom to tell. Pure.

Only the two wall-clock times of the refresh log and the duration come from outside, through `clock`; nothing is decided
by them.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.buyer_group import (
    NO_CHOICES,
    Choice,
    CompanyFacts,
    Employee,
    GroupChange,
    Member,
    Policy,
    completeness,
    correct_identity,
    derive_group,
    diff_groups,
    is_gone,
)
from consumers.engine.state import Refresh
from consumers.runtime.rows import company_facts, employee
from consumers.workspaces.policies import Policies
from db.rows import (
    BatchWrites,
    GroupChangeRow,
    GroupRow,
    MemberKey,
    MemberRow,
    OperationRow,
    OutboxRow,
    RefreshRow,
)
from schemas.codec import Codec

STEP = "save_buyer_group"


@dataclass(frozen=True, slots=True)
class Group:
    """A buyer group as stored: version 0 is one that has never had anybody in it."""

    version: int = 0
    changed_at: int | None = None
    members: tuple[Member, ...] = ()


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
                if policy.tracking.holds(facts) or after.get(policy.workspace_id, NOBODY).members
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
        before = groups.get(policy.workspace_id, NOBODY)
        members: tuple[Member, ...] = ()
        if policy.tracking.holds(company):
            members = derive_group(company, people, policy, _chosen(refresh, policy.workspace_id))
        group = before
        if members != before.members:
            group = replace(before, members=members)
            # A score or a spelling alone is kept, but is no version: nobody wants to be told.
            if changes := _changes(before.members, members, refresh):
                group = replace(group, version=before.version + 1, changed_at=refresh.at)
                self._version(company_id, policy.workspace_id, group.version, refresh, changes)
        groups[policy.workspace_id] = group
        self._head(company_id, policy, group, refresh)
        self._operation(company_id, policy, refresh, started)
        return group.version != before.version

    def _head(self, company_id: str, policy: Policy, group: Group, refresh: Refresh) -> None:
        key = (company_id, policy.workspace_id)
        filled = completeness(group.members, policy)
        times = (refresh.at, group.changed_at)
        self._heads[key] = GroupRow(*key, group.version, *times, policy.version, filled.percent, filled.missing)

    def finish(self) -> None:
        """Hand over the heads: one row a group, however often it was refreshed in the batch."""
        self.writes.groups.extend(self._heads.values())

    def _version(
        self, company_id: str, workspace_id: str, version: int, refresh: Refresh, changes: Sequence[GroupChange]
    ) -> None:
        for position, change in enumerate(changes):
            self.writes.changes.append(
                GroupChangeRow(
                    company_id,
                    workspace_id,
                    version,
                    position,
                    refresh.at,
                    change.kind,
                    change.person_id,
                    change.name,
                    change.before,
                    change.after,
                    change.why,
                    refresh.event_ids,
                )
            )
        message = {
            "workspace_id": workspace_id,
            "company_id": company_id,
            "version": version,
            "refreshed_at": refresh.at,
            "cause": {"kind": "CHANGES", "event_ids": list(refresh.event_ids)},
            "changes": [{name: getattr(c, name) for name in GroupChange.__slots__} for c in changes],
        }
        value = self.codec.encode(message)
        self.writes.outbox.append(OutboxRow(company_id, workspace_id, version, self.topic, value, refresh.at))

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
        old = {(m.person_id, m.role): m for m in before}
        new = {(m.person_id, m.role): m for m in after}
        gone = [MemberKey(company_id, workspace_id, *key) for key in old if key not in new]
        self.writes.removed_members.extend(gone)
        self.writes.members.extend(_member_row(company_id, workspace_id, m) for k, m in new.items() if old.get(k) != m)


def _changes(before: Sequence[Member], after: Sequence[Member], refresh: Refresh) -> tuple[GroupChange, ...]:
    """What a version changes; whose id alone is another one has neither come nor gone."""
    present, corrected = {person.person_id for person in refresh.people}, refresh.corrected
    known, lines = correct_identity(before, after, corrected) if corrected else (before, ())
    departed = frozenset(m.person_id for m in known if is_gone(m.person_id, corrected, present))
    return (*lines, *diff_groups(known, after, departed))


def group_members(rows: Sequence[MemberRow], order: Callable[[Member], object]) -> tuple[Member, ...]:
    """Stored members as `derive_group` orders them."""
    members = [
        Member(
            person_id=row.person_id,
            name=row.name,
            title=row.title,
            role=row.role,
            score=row.score,
            seniority=row.seniority,
            function=row.function,
            why=row.why,
            rule=row.rule,
            own_role=row.own_role,
            set_by=row.set_by,
            confidence=row.confidence,
        )
        for row in rows
    ]
    return tuple(sorted(members, key=order))  # type: ignore[arg-type]  # any comparable key will do


def _member_row(company_id: str, workspace_id: str, m: Member) -> MemberRow:
    return MemberRow(
        company_id,
        workspace_id,
        m.person_id,
        m.role,
        m.name,
        m.title,
        m.seniority,
        m.function,
        m.score,
        m.why,
        m.rule,
        m.own_role,
        m.set_by,
        m.confidence,
    )


def _chosen(refresh: Refresh, workspace_id: str) -> Mapping[str, Choice]:
    """The roles that somebody chose in a workspace, by person."""
    if not refresh.choices:
        return NO_CHOICES
    return {c.person_id: Choice(c.role or "", c.set_by) for c in refresh.choices if c.workspace_id == workspace_id}


def _input_hash(refresh: Refresh, policy: Policy) -> str:
    people = [(p.person_id, p.who.values, p.job.values) for p in refresh.people]
    chosen = [choice for choice in refresh.choices if choice.workspace_id == policy.workspace_id]
    inputs = repr((refresh.facts.values, people, policy.workspace_id, policy.version, *chosen))
    return hashlib.blake2b(inputs.encode(), digest_size=16).hexdigest()
