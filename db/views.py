"""What the read side answers, as values. All times are integer ms UTC."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PastMemberView:
    """One person in one role of a buyer group."""

    person_id: str
    role: str
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int
    why: str
    rule: str
    own_role: str | None
    set_by: str | None
    confidence: int


@dataclass(frozen=True, slots=True)
class MemberView(PastMemberView):
    """The same now.

    Attributes:
        also_known_as: other ids that are the same person.
    """

    also_known_as: list[str]


@dataclass(frozen=True, slots=True)
class GroupView:
    """A company's buyer group in one workspace.

    Attributes:
        version: counts changes of content; 0 while nobody was ever in it.
        refreshed_at: when it was last computed, in log time.
        changed_at: when its content last changed; None at version 0.
        completeness: how far the required roles are filled, in percent.
        missing: the required roles that need more people.
        pending_count: changes that are on the roster, but not in the group yet.
        refresh_due_at: when they will be.
        members: the most important first.
    """

    workspace_id: str
    company_id: str
    name: str | None
    domain: str | None
    industry: str | None
    employee_count: int | None
    version: int
    policy_version: int
    refreshed_at: int
    changed_at: int | None
    completeness: int
    missing: list[str]
    pending_count: int
    pending_since: int | None
    refresh_due_at: int | None
    members: tuple[MemberView, ...]


@dataclass(frozen=True, slots=True)
class PastGroupView:
    """A company's buyer group in one workspace as it was at a log time.

    Attributes:
        policy_version: the policy that had counted at the last refresh until then.
        refreshed_at: that refresh.
        changed_at: when its content had last changed; None at version 0.
        completeness: how far the required roles were filled, in percent.
        missing: the required roles that needed more people.
        members: the most important first.
    """

    workspace_id: str
    company_id: str
    version: int
    policy_version: int
    refreshed_at: int
    changed_at: int | None
    completeness: int
    missing: list[str]
    members: tuple[PastMemberView, ...]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line of what a version of a group changed; see `consumers/buyer_group/diff.py` for kinds and causes."""

    kind: str
    person_id: str | None
    name: str | None
    before: str | None
    after: str | None
    why: str
    cause: str
    went_to_id: str | None
    went_to_name: str | None


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version of a group.

    Attributes:
        log_time: of the refresh that made it.
        policy_version: the policy that counted then; None: what is older than the history does not say.
        event_ids: the changes that the refresh covers, at most 100.
    """

    version: int
    log_time: int
    policy_version: int | None
    event_ids: tuple[str, ...]
    lines: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True)
class OutcomeView:
    """What became of a change at one company.

    Attributes:
        log_time: when the log took it.
        refresh_at: the refresh that covers it; None when it needs none.
        refresh_outcome: changed or unchanged; None while that refresh is still to come.
        deliveries: how often the log had it; all but the first were without effect.
    """

    company_id: str
    type: str
    outcome: str
    reason: str | None
    occurred_at: int
    received_at: int
    log_time: int
    refresh_at: int | None
    refresh_outcome: str | None
    deliveries: int


@dataclass(frozen=True, slots=True)
class DeadLetterView:
    """A record of a change that could not be applied; status is open, retried or discarded."""

    company_id: str | None
    reason: str
    status: str
    log_time: int
