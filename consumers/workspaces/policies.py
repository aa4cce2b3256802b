"""All policy versions of all workspaces, and which of them counts at a log time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from consumers.buyer_group import DEFAULT_POLICY, Policy
from consumers.workspaces.reading import stored_policy
from db.rows import PolicyRow

_DEFAULT_ONLY: Final = (DEFAULT_POLICY,)


class Version(NamedTuple):
    """A policy, and the log time from which it counts, ms."""

    counts_from: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class Policies:
    """What is known of policies. Versions are appended only, so what counted at a time counts at it for ever (law L6).

    The workspace `default` is always there: with the built-in policy, version 0, until one of its own counts.

    Attributes:
        number: of the last version that was read.
        versions: by workspace id, ascending.
    """

    number: int = 0
    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def learned(self, rows: Sequence[PolicyRow]) -> "Policies":
        """These and some more, in order of their numbers.

        Raises:
            UnreadablePolicyError: a version is no policy that this release can read.
        """
        if not rows:
            return self
        versions = dict(self.versions)
        for row in rows:
            version = Version(row.counts_from, stored_policy(row.workspace_id, row.version, row.policy))
            versions[row.workspace_id] = (*versions.get(row.workspace_id, ()), version)
        return Policies(rows[-1].number, versions)

    def at(self, workspace_id: str, log_time: int) -> Policy | None:
        """The policy that counts at a log time, ms; None of a workspace that was not there yet."""
        counting = [version.policy for version in self._of(workspace_id) if version.counts_from <= log_time]
        return counting[-1] if counting else self.version(workspace_id, 0)

    def version(self, workspace_id: str, number: int) -> Policy | None:
        """One version of a workspace's, whether or not it counts by now; None if there is no such version."""
        if number == DEFAULT_POLICY.version:
            return DEFAULT_POLICY if workspace_id == DEFAULT_POLICY.workspace_id else None
        return next((v.policy for v in self._of(workspace_id) if v.policy.version == number), None)

    def latest(self, workspace_id: str) -> Policy | None:
        """The last version, whether or not it counts by now; None of a workspace that nobody has made."""
        versions = self._of(workspace_id)
        return versions[-1].policy if versions else self.version(workspace_id, 0)

    def counting(self, log_time: int) -> tuple[Policy, ...]:
        """The policies of all workspaces at a log time, in order of workspace id."""
        if not self.versions:
            return _DEFAULT_ONLY
        names = sorted({*self.versions, DEFAULT_POLICY.workspace_id})
        return tuple(policy for name in names if (policy := self.at(name, log_time)) is not None)

    def _of(self, workspace_id: str) -> tuple[Version, ...]:
        return self.versions.get(workspace_id, ())
