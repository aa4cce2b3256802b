"""What other services are told of a new version of a group: `BuyerGroupUpdated` of the contract. Pure."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from consumers.buyer_group import Cause, GroupChange, Policy, Standing, summary_of
from consumers.engine.state import Refresh
from schemas.codec import Codec
from schemas.writer import Write


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


class Destination(NamedTuple):
    """Where somebody went."""

    company_id: str
    name: str | None


class Line(NamedTuple):
    """One thing that changed."""

    kind: str
    person_id: str | None
    name: str | None
    before: str | None
    after: str | None
    why: str
    went_to: Destination | None


class Because(NamedTuple):
    """What led to a version."""

    kind: str
    event_ids: Sequence[str]


class Update(NamedTuple):
    """The message, with the fields of the contract's schema."""

    workspace_id: str
    company_id: str
    version: int
    refreshed_at: int
    cause: Because
    changes: Sequence[Line]
    settings_changes: Sequence[Line]
    policy_version: int
    missing_roles: Sequence[str]


def encode_update(version: NewVersion) -> bytes:
    """The message as bytes for the topic."""
    return _writer()(update_of(version))


@cache
def _writer() -> Write:
    return Codec("buyer_group_updated").writer()


def update_of(version: NewVersion) -> Update:
    """The message. Sellers are told of each thing that the world changed, and of settings in one line."""
    policy = version.now.policy
    world = [line for line in version.lines if line.cause == Cause.WORLD]
    settings = [line for line in version.lines if line.cause == Cause.SETTINGS]
    summary = summary_of(settings, version.before.version, policy.version)
    return Update(
        policy.workspace_id,
        version.company_id,
        version.number,
        version.refresh.at,
        Because("CHANGES" if world else "SETTINGS", version.refresh.event_ids),
        [_line(line) for line in (*world, *([summary] if summary else []))],
        [_line(line) for line in settings],
        policy.version,
        version.now.complete.missing,
    )


def _line(line: GroupChange) -> Line:
    where = line.went_to
    went_to = None if where is None else Destination(where.id, where.name)
    return Line(line.kind, line.person_id, line.name, line.before, line.after, line.why, went_to)
