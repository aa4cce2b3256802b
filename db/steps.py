"""What steps of other pipelines ask of the database, without ever writing. All times are integer ms UTC."""

from collections.abc import Sequence
from typing import NamedTuple

from db.errors import translated
from db.reads import group_view
from db.rows import PolicyRow
from db.session import Session
from db.sql import load
from db.views import GroupView


class CompanyFactsRow(NamedTuple):
    """What is known of a company."""

    name: str | None
    domain: str | None
    industry: str | None
    employee_count: int | None


class PersonRow(NamedTuple):
    """Somebody who works at a company now; seniority and department are in the provider's words."""

    person_id: str
    name: str | None
    title: str | None
    seniority: str | None
    department: str | None
    email: str | None
    linkedin_url: str | None
    country: str | None


class ChosenRow(NamedTuple):
    """A role that a user chose for a person."""

    person_id: str
    role: str
    set_by: str | None


class OutcomeRow(NamedTuple):
    """What became of a change; a deferred one is covered by the refresh that is due then."""

    event_id: str
    outcome: str
    refresh_due_at: int | None


class StepReads(Session):
    """Questions, each one statement; used by one thread.

    Every method raises RetryableDatabaseError when the database is away.
    """

    queries = "steps"

    def aliases(self, source: str | None, their_id: str | None, domain: str | None) -> dict[str, str]:
        """Our companies that a source's id (`id`) and a domain (`domain`) mean."""
        wanted = {"source": source, "their_id": their_id, "domain": domain}
        with translated():
            return dict(self._open().execute(self._sql["aliases"], wanted).fetchall())

    def company(self, company_id: str) -> CompanyFactsRow | None:
        """What is known of a company; None when nothing was ever said of it."""
        with translated():
            row = self._open().execute(self._sql["company"], {"company_id": company_id}).fetchone()
        return None if row is None else CompanyFactsRow(*row)

    def people(self, company_id: str) -> list[PersonRow]:
        """The roster, by person id."""
        with translated():
            rows = self._open().execute(self._sql["people"], {"company_id": company_id}).fetchall()
        return [PersonRow(*row) for row in rows]

    def choices(self, workspace_id: str, company_id: str) -> list[ChosenRow]:
        """Roles that users chose for people of a company."""
        wanted = {"company_id": company_id, "workspace_id": workspace_id}
        with translated():
            return [ChosenRow(*row) for row in self._open().execute(self._sql["choices"], wanted).fetchall()]

    def policies(self) -> list[PolicyRow]:
        """All policy versions of all workspaces, in order."""
        with translated():
            rows = self._open().execute(load("store")["read_policies"], {"number": 0}).fetchall()
        return [PolicyRow(*row) for row in rows]

    def group(self, workspace_id: str, company_id: str) -> GroupView | None:
        """A company's buyer group; None when no change of the company was applied yet."""
        wanted = {"company_id": company_id, "workspace_id": workspace_id}
        with translated():
            return group_view(self._open().execute(load("reads")["group"], wanted).fetchall())

    def outcomes(self, company_id: str, source: str, event_ids: Sequence[str]) -> list[OutcomeRow]:
        """What became of those of these changes that were applied."""
        wanted = {"company_id": company_id, "source": source, "event_ids": list(event_ids)}
        with translated():
            return [OutcomeRow(*row) for row in self._open().execute(self._sql["covered"], wanted).fetchall()]

    def refreshes(self, company_id: str) -> tuple[int | None, int | None]:
        """The last refresh of a company, and the one that is due."""
        with translated():
            row = self._open().execute(self._sql["refreshes"], {"company_id": company_id}).fetchone()
        return (None, None) if row is None else (row[0], row[1])
