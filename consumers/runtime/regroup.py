"""A refresh made into rows: the new buyer group of each workspace, what it changed, and whom to tell. Pure.

Only the two wall-clock times of the refresh log and the duration come from outside, through `clock`; nothing is decided
by them.
"""

import hashlib
import json
from collections import defaultdict
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
from consumers.runtime.group_rows import (
    GroupKey,
    Moved,
    change_row,
    difference,
    member_row,
    of_other_ids,
    past_head,
    past_members,
    told_of,
)
from consumers.runtime.rows import company_facts, employee
from consumers.runtime.updates import NewVersion, encode_update
from consumers.workspaces.policies import Policies
from db.rows import (
    BatchWrites,
    GroupRow,
    MemberKey,
    OperationRow,
    OutboxRow,
    RefreshRow,
)
from schemas.events import Company
from schemas.values import value_class

STEP = "save_buyer_group"
_NOT_SAID: Final = "\ud800"
ERASED: Final = GroupChange(Kind.ERASED, None, None, None, None, "a member has opted out")


@value_class(frozen=True, slots=True)
class Group:
    """A buyer group as stored: version 0 is one that has never had anybody in it.

    Attributes:
        members: in no order.
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
    policies: Policies
    clock: Callable[[], int]
    _heads: dict[GroupKey, GroupRow] = field(default_factory=dict)
    _members: dict[GroupKey, dict[tuple[str, str], Member | None]] = field(default_factory=lambda: defaultdict(dict))

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

    def _workspace(
        self,
        company: CompanyFacts,
        people: Sequence[Employee],
        refresh: Refresh,
        policy: Policy,
        groups: dict[str, Group],
    ) -> bool:
        """One workspace's group at one refresh; whether it changed. What is tracked no more has no members."""
        started, key = self.clock(), (company.company_id, policy.workspace_id)
        stored = groups.get(policy.workspace_id, NOBODY)
        before = without(refresh.erased, stored)
        if before is not stored:
            self._members[key] |= dict.fromkeys((m[:2] for m in stored.members if m.person_id in refresh.erased), None)
        chosen, tracked = _chosen(refresh, policy.workspace_id), policy.tracking.holds(company)
        now, then = _standing(company, people, policy, chosen), self._policy_of(before, policy)
        moved = difference(before.members, now.members)
        members = now.members if any(moved) else before.members
        group = Group(before.version, before.changed_at, tuple(members), policy.version, tracked, before.erased)
        if any(moved) or then is not policy or before.erased:
            world = now if then is policy else _standing(company, people, then, chosen)
            lines = _lines(Standing(before.members, then), world, now, refresh, moved)
            # A score or a spelling alone is kept, but is no version: nobody wants to be told.
            lines = lines if tracked else tuple(line for line in lines if line.person_id)
            if lines := (*lines, *(ERASED,) * before.erased):
                group = replace(group, version=before.version + 1, changed_at=refresh.at, erased=0)
                self._version(NewVersion(company.company_id, group.version, refresh, then, now, lines))
        if any(moved) or refresh.corrected:
            self._move(key, moved, now.members, refresh)
        groups[policy.workspace_id] = group
        self._head(company.company_id, now, before, group, refresh)
        self._operation(company.company_id, policy, refresh, started)
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
        """Hand over heads and members: one row each, however often the group was refreshed in the batch."""
        self.writes.groups.extend(self._heads.values())
        for key, members in self._members.items():
            for person_and_role, member in members.items():
                if member is None:
                    self.writes.removed_members.append(MemberKey(*key, *person_and_role))
                else:
                    self.writes.members.append(member_row(*key, member))

    def _move(self, key: GroupKey, moved: Moved, members: Sequence[Member], refresh: Refresh) -> None:
        """Who is another member than before from a refresh on, for the history and for the group as it is."""
        past = moved._replace(written=[*moved.written, *of_other_ids(members, moved, refresh)])
        self.writes.past_members.extend(past_members(key, past, refresh))
        self._members[key] |= dict.fromkeys((m[:2] for m in moved.gone), None)
        self._members[key] |= {m[:2]: m for m in moved.written}

    def _version(self, new: NewVersion) -> None:
        """What it changed, for the history and for other services."""
        key, at = (new.company_id, new.now.policy.workspace_id, new.number), new.refresh.at
        told = told_of(new.refresh)
        for position, line in enumerate(new.lines):
            row = change_row(key, position, new.refresh, line, told.get(line.person_id or ""))
            self.writes.changes.append(row)
        self.writes.outbox.append(OutboxRow(*key, self.topic, encode_update(new), at))

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


def _standing(
    company: CompanyFacts, people: Sequence[Employee], policy: Policy, chosen: Mapping[str, Choice]
) -> Standing:
    """The group under a policy; of a company that it does not track an empty one."""
    return Standing(derive_group(company, people, policy, chosen) if policy.tracking.holds(company) else (), policy)


def _lines(
    before: Standing, world: Standing, after: Standing, refresh: Refresh, moved: Moved
) -> tuple[GroupChange, ...]:
    """What a version changes; whose id alone is another one has neither come nor gone."""
    corrected = refresh.corrected
    if not corrected:
        among = {member.person_id for members in moved for member in members} if after is world else None
        return diff_standings(before, world, after, _departed(moved.gone, refresh), among)
    known, lines = correct_identity(before.members, world.members, corrected)
    changes = diff_standings(Standing(known, before.policy), world, after, _departed(known, refresh))
    return (*lines, *changes)


def _departed(members: Sequence[Member], refresh: Refresh) -> dict[str, Company | None]:
    """Who of these works at the company no more, and where they went, if that is known."""
    if not members:
        return {}
    present, corrected = {person.person_id for person in refresh.people}, refresh.corrected
    return {
        m.person_id: refresh.went_to.get(corrected.get(m.person_id, ("", m.person_id))[1])
        for m in members
        if is_gone(m.person_id, corrected, present)
    }


def _chosen(refresh: Refresh, workspace_id: str) -> Mapping[str, Choice]:
    """The roles that somebody chose in a workspace, by person."""
    if not refresh.choices:
        return NO_CHOICES
    return {c.person_id: Choice(c.role or "", c.set_by) for c in refresh.choices if c.workspace_id == workspace_id}


def _input_hash(refresh: Refresh, policy: Policy) -> str:
    """Of the facts, the people, the policy and the choices: the same for the same values, and only for them."""
    chosen = [choice for choice in refresh.choices if choice.workspace_id == policy.workspace_id]
    short = json.dumps((refresh.facts.values, len(refresh.people), policy.workspace_id, policy.version, *chosen))
    # Texts of people have neither NUL nor a lone surrogate. To join them costs a third of writing them as JSON.
    roster = "\0".join(
        [
            _NOT_SAID if text is None else text  # type: ignore[misc]  # of these fields, each is a text: JOB_FIELDS
            for person_id, who, job, *_ in refresh.people
            for text in (person_id, *who.values, *job.values[1:])
        ]
    )
    inputs = f"{short}\0{roster}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(inputs, digest_size=16).hexdigest()
