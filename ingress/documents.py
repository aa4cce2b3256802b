"""What the read API answers, as JSON; times in ISO 8601, UTC."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from db.reads import HistoryQuery
from db.views import (
    DeadLetterView,
    GroupView,
    HistoryLine,
    MemberView,
    OutcomeView,
    PastGroupView,
    VersionView,
)
from ingress.api_models import (
    CompanyDocument,
    CompletenessDocument,
    DeadLetterDocument,
    DestinationDocument,
    EventDocument,
    FreshnessDocument,
    GroupChangeDocument,
    GroupDocument,
    HistoryDocument,
    MemberDocument,
    OutcomeDocument,
    PastGroupDocument,
    PastMemberDocument,
    PendingDocument,
    VersionDocument,
)
from schemas.times import iso_utc


def group_document(view: GroupView) -> dict[str, Any]:
    """A buyer group: its version, how fresh it is, and why each person is in it."""
    company = CompanyDocument(
        id=view.company_id,
        name=view.name,
        domain=view.domain,
        industry=view.industry,
        employee_count=view.employee_count,
    )
    due = _iso(view.refresh_due_at)
    pending = PendingDocument(changes=view.pending_count, since=_iso(view.pending_since), refresh_due_at=due)
    return GroupDocument(
        workspace_id=view.workspace_id,
        company=company,
        version=view.version,
        policy_version=view.policy_version,
        refreshed_at=iso_utc(view.refreshed_at),
        changed_at=_iso(view.changed_at),
        completeness=CompletenessDocument(percent=view.completeness, missing=view.missing),
        pending=pending,
        freshness=_freshness(view),
        members=[_member(member) for member in view.members],
    ).content()


def past_group_document(view: PastGroupView, as_of: int) -> dict[str, Any]:
    """A buyer group as it was at a log time."""
    return PastGroupDocument(
        workspace_id=view.workspace_id,
        company_id=view.company_id,
        as_of=iso_utc(as_of),
        version=view.version,
        policy_version=view.policy_version,
        refreshed_at=iso_utc(view.refreshed_at),
        changed_at=_iso(view.changed_at),
        completeness=CompletenessDocument(percent=view.completeness, missing=view.missing),
        members=[PastMemberDocument.model_validate(asdict(member)) for member in view.members],
    ).content()


def history_document(query: HistoryQuery, versions: Sequence[VersionView]) -> dict[str, Any]:
    """What the versions of a group changed, the newest first."""
    return HistoryDocument(
        workspace_id=query.workspace_id,
        company_id=query.company_id,
        versions=[version_document(version) for version in versions],
    ).content()


def version_document(version: VersionView) -> VersionDocument:
    """One version."""
    return VersionDocument(
        version=version.version,
        log_time=iso_utc(version.log_time),
        policy_version=version.policy_version,
        event_ids=list(version.event_ids),
        changes=[_change(line) for line in version.lines],
    )


def _change(line: HistoryLine) -> GroupChangeDocument:
    said = asdict(line)
    where, name = said.pop("went_to_id"), said.pop("went_to_name")
    went_to = None if where is None else DestinationDocument(company_id=where, name=name)
    return GroupChangeDocument.model_validate({**said, "went_to": went_to})


def event_document(
    source: str, event_id: str, outcomes: list[OutcomeView], letters: list[DeadLetterView]
) -> dict[str, Any]:
    """What became of one change, in sentences for people and values for programs."""
    return EventDocument(
        source=source,
        event_id=event_id,
        companies=[_outcome(view) for view in outcomes],
        dead_letters=[_dead_letter(view) for view in letters],
    ).content()


def clock_time(ms: int) -> str:
    """A time for people: `2026-11-24 14:05:00 UTC`."""
    return f"{iso_utc(ms)[:19].replace('T', ' ')} UTC"


def _freshness(view: GroupView) -> FreshnessDocument:
    refreshed = f"refreshed at {clock_time(view.refreshed_at)}"
    if view.refresh_due_at is None:
        return FreshnessDocument(up_to_date=True, says=f"up to date: {refreshed}")
    waiting = "1 later change is" if view.pending_count == 1 else f"{view.pending_count} later changes are"
    return FreshnessDocument(
        up_to_date=False, says=f"{refreshed}; {waiting} covered by the refresh at {clock_time(view.refresh_due_at)}"
    )


def _outcome(view: OutcomeView) -> OutcomeDocument:
    return OutcomeDocument.model_validate(
        {
            "company_id": view.company_id,
            "type": view.type,
            "outcome": view.outcome,
            "status": _status(view),
            "reason": view.reason,
            "occurred_at": iso_utc(view.occurred_at),
            "received_at": iso_utc(view.received_at),
            "log_time": iso_utc(view.log_time),
            "refresh_at": _iso(view.refresh_at),
            "refresh_outcome": view.refresh_outcome,
            "deliveries": view.deliveries,
        }
    )


def _status(view: OutcomeView) -> str:
    sentence = _covered(view) if view.refresh_at is not None else f"{view.outcome}: {view.reason or 'no reason given'}"
    again = view.deliveries - 1
    return f"{sentence}; duplicate deliveries: {again}, without effect" if again else sentence


def _covered(view: OutcomeView) -> str:
    """About a change that a refresh covers, or will."""
    when = clock_time(view.refresh_at or 0)
    if view.outcome == "refreshed":
        return f"refreshed at {when}{_came_of_it(view)}"
    if view.refresh_outcome is None:
        return f"deferred until {when}, when one refresh covers it"
    return f"deferred until {when}, covered by that refresh{_came_of_it(view)}"


def _came_of_it(view: OutcomeView) -> str:
    return {"changed": "; the group changed", "unchanged": "; the group stayed as it was"}.get(
        view.refresh_outcome or "", ""
    )


def _dead_letter(view: DeadLetterView) -> DeadLetterDocument:
    doing = {
        "open": "could not be applied; it is kept as a dead letter",
        "retried": "could not be applied; it was sent through the log again",
        "discarded": "could not be applied; an operator discarded it",
    }
    return DeadLetterDocument(
        company_id=view.company_id,
        status=f"{doing.get(view.status, view.status)}: {view.reason}",
        reason=view.reason,
        log_time=iso_utc(view.log_time),
    )


def _member(member: MemberView) -> MemberDocument:
    return MemberDocument.model_validate(asdict(member))


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso_utc(ms)
