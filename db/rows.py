"""Rows as the store reads and writes them. Field names are column names; times are integer ms UTC.

A field's annotation says how its column travels (`db.arrays.columns`), so a row class is the only place to add a column
besides its query.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from db.erasure import Erasures


class PositionRow(NamedTuple):
    """Where a partition is: the next offset to read, and the greatest timestamp read.

    `epoch` counts promotions of a rebuild or a replay: whoever writes must have read this one.
    """

    kafka_partition: int
    next_offset: int
    log_time: int | None
    epoch: int = 0


class PositionAdvance(NamedTuple):
    """How far a batch moves a partition, and what became of its records (law L7)."""

    kafka_partition: int
    expected: int
    next_offset: int
    log_time: int | None
    consumed: int
    refreshed: int
    deferred: int
    superseded: int
    ignored: int
    duplicate: int
    dead_letter: int
    tick: int
    wrong_partition: int
    epoch: int = 0


class CompanyRow(NamedTuple):
    """A company. `revision_before` is the revision that was read; 0 for a company that was not there."""

    company_id: str
    name: str | None
    name_stamp: str | None
    domain: str | None
    domain_stamp: str | None
    industry: str | None
    industry_stamp: str | None
    employee_count: int | None
    employee_count_stamp: str | None
    last_refresh_at: int | None
    refresh_due_at: int | None
    pending_since: int | None
    pending_count: int
    pending_events: tuple[str, ...]
    revision: int
    revision_before: int
    kafka_partition: int


class EmploymentRow(NamedTuple):
    """A person at a company: a row of `people` and a row of `employments`.

    Values stand together, and so do their stamps, as in `consumers.engine.register`: a register is a slice of the row.
    A stamp that nobody has set is empty here and NULL in the table. Only what a fold needs is read back: neither
    seniority nor function, and of evidence None if there is none.

    Attributes:
        evidence: what else was said of who they are, each as `consumers.engine.evidence` writes it.
        canonical_id: the id that they are known by, if they have several.
    """

    company_id: str
    person_id: str
    name: str | None
    email: str | None
    linkedin_url: str | None
    country: str | None
    name_stamp: str
    email_stamp: str
    linkedin_url_stamp: str
    country_stamp: str
    present: bool | None
    title: str | None
    department: str | None
    stated_seniority: str | None
    went_to: str | None
    present_stamp: str
    title_stamp: str
    department_stamp: str
    stated_seniority_stamp: str
    went_to_stamp: str
    joined_at: int | None
    first_seen_at: int
    seniority: str | None
    function: str | None
    evidence: tuple[str, ...] | None
    canonical_id: str | None


class EventKey(NamedTuple):
    """Identity of a change (law L2)."""

    company_id: str
    source: str
    event_id: str


class SeenRow(NamedTuple):
    """A change that is in the inbox, and the log time of when it was read, ms."""

    company_id: str
    source: str
    event_id: str
    log_time: int


class EventRow(NamedTuple):
    """A change in the inbox, with its outcome."""

    company_id: str
    source: str
    event_id: str
    type: str
    occurred_at: int
    received_at: int
    log_time: int
    outcome: str
    reason: str | None
    refresh_due_at: int | None
    kafka_partition: int
    kafka_offset: int
    deliveries: int


class ChoiceRow(NamedTuple):
    """The role that somebody chose for a person in a workspace; None: they took it back."""

    company_id: str
    workspace_id: str
    person_id: str
    role: str | None
    set_by: str | None
    stamp: str


class RedeliveryRow(NamedTuple):
    """A change that was in the inbox before the batch, and how often the batch had it again."""

    company_id: str
    source: str
    event_id: str
    deliveries: int


class RefreshRow(NamedTuple):
    """A refresh of a company. Started and finished are wall-clock times, for people."""

    company_id: str
    log_time: int
    cause: str
    changes_covered: int
    outcome: str
    started_at: int
    finished_at: int


class OperationRow(NamedTuple):
    """One run of an idempotent step."""

    company_id: str
    step: str
    idempotency_key: str
    input_hash: str
    status: str
    duration_us: int


class GroupRow(NamedTuple):
    """A buyer group's head. `erased` members are gone since its version, which the next one has to say."""

    company_id: str
    workspace_id: str
    version: int
    refreshed_at: int
    changed_at: int | None
    policy_version: int
    completeness: int
    missing: tuple[str, ...]
    tracked: bool
    erased: int = 0


class PolicyRow(NamedTuple):
    """A policy version. `number` orders all of them; the policy is a JSON document."""

    number: int
    workspace_id: str
    version: int
    counts_from: int
    policy: str


class MemberRow(NamedTuple):
    """One person in one role of a group."""

    company_id: str
    workspace_id: str
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


class MemberKey(NamedTuple):
    """Which member goes."""

    company_id: str
    workspace_id: str
    person_id: str
    role: str


class GroupChangeRow(NamedTuple):
    """One line of what a version changed; `made_of`: all ids whose state it tells, None: one person's."""

    company_id: str
    workspace_id: str
    version: int
    position: int
    log_time: int
    kind: str
    person_id: str | None
    name: str | None
    before: str | None
    after: str | None
    why: str
    event_ids: tuple[str, ...]
    cause: str
    went_to_id: str | None
    went_to_name: str | None
    made_of: tuple[str, ...] | None


class HeadHistoryRow(NamedTuple):
    """A group's head, from a log time on."""

    company_id: str
    workspace_id: str
    log_time: int
    version: int
    changed_at: int | None
    policy_version: int
    completeness: int
    missing: tuple[str, ...]
    tracked: bool


class MemberHistoryRow(NamedTuple):
    """One person in one role of a group, from a log time on; not `present`: no more in it.

    `made_of` has all ids that are this person then; None: there is one.
    """

    company_id: str
    workspace_id: str
    person_id: str
    role: str
    log_time: int
    present: bool
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int | None
    why: str | None
    rule: str | None
    own_role: str | None
    set_by: str | None
    confidence: int | None
    made_of: tuple[str, ...] | None


class OutboxRow(NamedTuple):
    """A message for other services, to be relayed in order of version."""

    company_id: str
    workspace_id: str
    version: int
    topic: str
    value: bytes
    log_time: int


class OutboxKey(NamedTuple):
    """A message for other services, by its identity."""

    company_id: str
    workspace_id: str
    version: int


class DeadLetterRow(NamedTuple):
    """A record that could not be applied, whole."""

    kafka_partition: int
    kafka_offset: int
    company_id: str | None
    key: bytes | None
    value: bytes | None
    headers: str
    log_time: int
    reason: str


@dataclass(slots=True)
class BatchWrites:
    """All effects of one batch: one transaction.

    Attributes:
        remembered_ms: an event replaces the row of the same change that was read so long before it; None: never.
        removed_members: members that are in their group no more; the rest of `members` is inserted or replaced.
        erasures: what comes after all else, and only where somebody has opted out.
    """

    topic: str
    remembered_ms: int | None = None
    positions: list[PositionAdvance] = field(default_factory=list)
    companies: list[CompanyRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    redeliveries: list[RedeliveryRow] = field(default_factory=list)
    employments: list[EmploymentRow] = field(default_factory=list)
    choices: list[ChoiceRow] = field(default_factory=list)
    refreshes: list[RefreshRow] = field(default_factory=list)
    operations: list[OperationRow] = field(default_factory=list)
    groups: list[GroupRow] = field(default_factory=list)
    removed_members: list[MemberKey] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)
    changes: list[GroupChangeRow] = field(default_factory=list)
    past_heads: list[HeadHistoryRow] = field(default_factory=list)
    past_members: list[MemberHistoryRow] = field(default_factory=list)
    outbox: list[OutboxRow] = field(default_factory=list)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    erasures: Erasures = field(default_factory=Erasures)
