"""Policy versions as operators write them and look at them."""

from typing import NamedTuple

from db.errors import translated
from db.rows import PolicyRow
from db.session import Session


class VersionRow(NamedTuple):
    """When a policy version came and counts from, ms UTC, and who made it."""

    workspace_id: str
    version: int
    counts_from: int
    created_by: str | None
    created_at: int


class OtherVersionError(Exception):
    """Somebody else has appended a version since ours was prepared."""


class PolicyStore(Session):
    """What `person-changes workspace` asks and writes."""

    queries = "policies"

    def append(self, workspace_id: str, policy: str, created_by: str | None, lead_ms: int, after: int) -> PolicyRow:
        """A workspace's next version.

        Args:
            workspace_id: whose.
            policy: its document, JSON.
            created_by: who wants it, for people.
            lead_ms: how long after now it counts; every consumer must have read it by then.
            after: the version that was the last one when this was prepared; 0: there was none.

        Raises:
            OtherVersionError: it is not any more.
            RetryableDatabaseError: the database is away.
        """
        wanted = {
            "workspace_id": workspace_id,
            "policy": policy,
            "created_by": created_by,
            "lead_ms": lead_ms,
            "after": after,
        }
        connection = self._open()
        with translated(), connection.transaction():
            connection.execute(self._sql["lock"])
            row = connection.execute(self._sql["append"], wanted).fetchone()
        if row is None:
            raise OtherVersionError(f"workspace {workspace_id} has another version than {after} by now")
        return PolicyRow(*row)

    def versions(self) -> list[VersionRow]:
        """All versions of all workspaces, in order."""
        with translated():
            return [VersionRow(*row) for row in self._open().execute(self._sql["versions"]).fetchall()]

    def companies(self, after: str, limit: int) -> list[str]:
        """Ids of companies that we know, in order, of those greater than `after`."""
        with translated():
            rows = self._open().execute(self._sql["tracked"], {"after": after, "limit": limit}).fetchall()
        return [row[0] for row in rows]

    def company_count(self) -> int:
        """How many companies we know."""
        with translated():
            [(count,)] = self._open().execute(self._sql["counted"]).fetchall()
        return int(count)
