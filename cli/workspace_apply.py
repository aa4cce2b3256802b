"""What `person-changes workspace apply` does, step by step; loaded inside the command."""

import json
from typing import Any, Final

from cli.failures import CommandError
from cli.output import counted, emit, iso, note, now_ms, say, table
from cli.progress import progress
from consumers.buyer_group import GroupChange
from consumers.settings import WorkspaceSettings
from consumers.workspaces.applying import requests, wait_for_log_time
from consumers.workspaces.document import PolicyDocument
from consumers.workspaces.policies import Policies
from consumers.workspaces.preview import Difference, Summary, differences
from consumers.workspaces.reading import policy_of
from db.policies import OtherVersionError, PolicyStore
from db.store import Store
from schemas.appender import Appender, NotAppendedError
from schemas.outgoing import outgoing

_NAME: Final = "person-changes-cli"
_APPEND_SECONDS: Final = 300.0
_SKEW_MS: Final = 2000
"""By so much the clocks of brokers may differ: one of them is asked, and each stamps what is appended to it."""


class Application:
    """One file on its way to being a policy version.

    Args:
        settings: where everything is.
        document: the policy.
        by: who decides it.
        every: refresh all companies that the policy tracks, not only those whose group changes.
    """

    def __init__(self, settings: WorkspaceSettings, document: PolicyDocument, by: str, *, every: bool) -> None:
        self._settings, self._document, self._by, self._every = settings, document, by, every
        self._url = settings.database_url.get_secret_value()
        with Store(self._url) as store:
            rows = store.policies()
        ours = [row for row in rows if row.workspace_id == document.workspace]
        self._last = ours[-1] if ours else None
        self._policies = Policies().learned(rows)
        self._summary = Summary(0)
        self._asked: int | None = None

    @property
    def is_there(self) -> bool:
        """Whether the workspace's last version is this very policy."""
        stored = json.loads(self._document.stored())
        return self._last is not None and json.loads(self._last.policy) == stored

    def look(self, first: int, *, aloud: bool) -> None:
        """What the policy would change about today's groups; of one that is there, what it was to change."""
        last, workspace = (self._last.version if self._last else 0), self._document.workspace
        if self.is_there:
            note(f"version {last} of workspace {workspace} is this policy already")
            last -= 1
        before, after = self._policies.version(workspace, last), policy_of(self._document, last + 1)
        self._summary = summary = Summary(first)
        with Store(self._url) as store, PolicyStore(self._url) as companies, progress("looking", "companies") as update:
            total = companies.company_count()
            for difference in differences(store, companies, before, after):
                summary.add(difference)
                update(summary.companies, total)
        if aloud:
            _show(summary, workspace)

    def carry_out(self) -> None:
        """Store the version, wait until it counts, and ask for what it changes."""
        if not self.is_there:
            self._append()
        try:
            self._asked = self._ask()
        except NotAppendedError as error:
            raise CommandError(
                f"the policy is stored, but not all refreshes could be asked for: {error}; apply the file again"
            ) from error

    def answer(self, *, as_json: bool) -> None:
        """What was done."""
        row, asked = self._last, self._asked
        applied = None
        if row is not None and asked is not None:
            applied = {"version": row.version, "countsFrom": iso(row.counts_from), "refreshes": asked}
        if as_json:
            emit({"workspace": self._document.workspace, "applied": applied, **_document(self._summary)})
        elif row is None or asked is None:
            note("Nothing was changed; without --dry-run, the policy would be applied.")
        else:
            version = f"version {row.version} of workspace {row.workspace_id}"
            refreshes = counted(asked, "refresh", "refreshes")
            say(f"{version} counts from {iso(row.counts_from)}; {refreshes} asked for")

    def _append(self) -> None:
        lead_ms = round(self._settings.policy_lead_seconds * 1000)
        after = self._last.version if self._last else 0
        try:
            with PolicyStore(self._url) as store:
                text = self._document.stored()
                self._last = store.append(self._document.workspace, text, self._by, lead_ms, after)
        except OtherVersionError as error:
            raise CommandError(f"{error}: look again at what this one would change") from error

    def _ask(self) -> int:
        row = self._last
        if row is None:
            return 0
        wait_for_log_time(self._settings, row.counts_from + _SKEW_MS, _NAME)
        companies = self._summary.tracked if self._every else self._summary.changed
        changes = requests(row.workspace_id, row.version, companies, self._by, now_ms())
        appender = Appender(self._settings, _NAME, _APPEND_SECONDS)
        return appender.append(outgoing(change, self._settings) for change in changes)


def _show(summary: Summary, workspace: str) -> None:
    whole = counted(summary.companies, "company", "companies")
    say(f"workspace {workspace}: {counted(len(summary.changed), 'group')} of {whole} would change")
    if summary.kinds:
        table(("kind", "changes"), sorted(summary.kinds.items()), right=("changes",))
    if summary.completed or summary.broken:
        say(f"complete then, but not now: {summary.completed}; complete now, but not then: {summary.broken}")
    for difference in summary.first:
        company = difference.company
        name = f"{company.name} ({company.company_id})" if company.name else company.company_id
        say(f"\n{name}, complete: {difference.before} % -> {difference.after} %")
        for change in difference.changes:
            say(f"  {_sentence(change)}")


def _sentence(change: GroupChange) -> str:
    turned = " -> ".join(text for text in (change.before, change.after) if text)
    return f"{change.kind} {change.name or change.person_id}: {turned}; {change.why}"


def _document(summary: Summary) -> dict[str, Any]:
    return {
        "companies": summary.companies,
        "tracked": len(summary.tracked),
        "changed": len(summary.changed),
        "kinds": dict(sorted(summary.kinds.items())),
        "completed": summary.completed,
        "broken": summary.broken,
        "first": [_difference(difference) for difference in summary.first],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    changes = [
        {
            "kind": change.kind,
            "personId": change.person_id,
            "name": change.name,
            "before": change.before,
            "after": change.after,
            "why": change.why,
        }
        for change in difference.changes
    ]
    percents = {"completenessBefore": difference.before, "completenessAfter": difference.after}
    return {"companyId": difference.company.company_id, **percents, "changes": changes}
