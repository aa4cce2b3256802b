"""What the read API answers, as JSON; times in ISO 8601, UTC."""

from typing import Any

from db.reads import GroupView, MemberView
from schemas.times import iso_utc


def group_document(view: GroupView) -> dict[str, Any]:
    """A buyer group: its version, how fresh it is, and why each person is in it."""
    return {
        "workspaceId": view.workspace_id,
        "company": {
            "id": view.company_id,
            "name": view.name,
            "domain": view.domain,
            "industry": view.industry,
            "employeeCount": view.employee_count,
        },
        "version": view.version,
        "policyVersion": view.policy_version,
        "refreshedAt": _iso(view.refreshed_at),
        "changedAt": _iso(view.changed_at),
        "pending": {
            "changes": view.pending_count,
            "since": _iso(view.pending_since),
            "refreshDueAt": _iso(view.refresh_due_at),
        },
        "members": [_member(member) for member in view.members],
    }


def _member(member: MemberView) -> dict[str, Any]:
    return {
        "personId": member.person_id,
        "role": member.role,
        "name": member.name,
        "title": member.title,
        "seniority": member.seniority,
        "function": member.function,
        "score": member.score,
        "why": member.why,
    }


def _iso(ms: int | None) -> str | None:
    return None if ms is None else iso_utc(ms)
