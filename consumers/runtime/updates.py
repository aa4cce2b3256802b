"""What other services are told of a new version of a group: `BuyerGroupUpdated` of the contract. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from consumers.buyer_group import Cause, GroupChange, Policy, Standing, summary_of
from consumers.engine.state import Refresh


class NewVersion(NamedTuple):
    """A version of a group, and how it came.

    Attributes:
        refresh: that made it.
        before: the policy that counted until then.
        now: the group, under the policy that counts now.
        lines: what changed.
    """

    company_id: str
    number: int
    refresh: Refresh
    before: Policy
    now: Standing
    lines: Sequence[GroupChange]


def update_of(version: NewVersion) -> dict[str, Any]:
    """The message. Sellers are told of each thing that the world changed, and of settings in one line."""
    policy = version.now.policy
    world = [line for line in version.lines if line.cause == Cause.WORLD]
    settings = [line for line in version.lines if line.cause == Cause.SETTINGS]
    summary = summary_of(settings, version.before.version, policy.version)
    return {
        "workspace_id": policy.workspace_id,
        "company_id": version.company_id,
        "version": version.number,
        "refreshed_at": version.refresh.at,
        "cause": {"kind": "CHANGES" if world else "SETTINGS", "event_ids": list(version.refresh.event_ids)},
        "changes": [_line(line) for line in (*world, *([summary] if summary else []))],
        "settings_changes": [_line(line) for line in settings],
        "policy_version": policy.version,
        "missing_roles": list(version.now.complete.missing),
    }


def _line(line: GroupChange) -> dict[str, Any]:
    where = line.went_to
    return {
        "kind": line.kind,
        "person_id": line.person_id,
        "name": line.name,
        "before": line.before,
        "after": line.after,
        "why": line.why,
        "went_to": None if where is None else {"company_id": where.id, "name": where.name},
    }
