"""How `group show` looks as text."""

from typing import TYPE_CHECKING, Final

from cli.output import counted, iso, say, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from db.reads import GroupView, HistoryLine, MemberView, PastGroupView, PastMemberView, VersionView

_HEADS: Final = ("role", "name", "title", "level", "function", "score", "why")
_OF_THE_GROUP: Final = frozenset({"complete", "incomplete", "settings_changed"})
_EVENTS_SHOWN: Final = 3
"""Changes that a line of text names; `--json` has all that are kept."""


def show(view: "GroupView") -> None:
    """The group as text."""
    facts = [view.domain, view.industry]
    if view.employee_count is not None:
        facts.append(counted(view.employee_count, "employee"))
    name = f"{view.name} ({view.company_id})" if view.name else view.company_id
    say(", ".join([name, *(fact for fact in facts if fact)]))
    say(f"workspace {view.workspace_id}, version {view.version}, {counted(len(view.members), 'member')}")
    say(f"refreshed {iso(view.refreshed_at)}, changed {iso(view.changed_at) or 'never'}")
    missing = f", missing: {', '.join(view.missing)}" if view.missing else ""
    say(f"complete: {view.completeness} %{missing}")
    if view.pending_count:
        changes = counted(view.pending_count, "change")
        say(f"pending: {changes} since {iso(view.pending_since)}, covered by the refresh at {iso(view.refresh_due_at)}")
    if view.members:
        say("")
        table(_HEADS, [_row(member) for member in view.members], right=("score",))


def show_past(view: "PastGroupView", as_of: int) -> None:
    """The group as it was, as text."""
    say(f"{view.company_id} as of {iso(as_of)}")
    say(f"workspace {view.workspace_id}, version {view.version}, {counted(len(view.members), 'member')}")
    say(f"refreshed {iso(view.refreshed_at)}, changed {iso(view.changed_at) or 'never'}")
    missing = f", missing: {', '.join(view.missing)}" if view.missing else ""
    say(f"complete: {view.completeness} %{missing}; policy version {view.policy_version}")
    if view.members:
        say("")
        table(_HEADS, [(m.role, m.name or m.person_id, *_rest(m)) for m in view.members], right=("score",))


def show_history(versions: "Sequence[VersionView]") -> None:
    """What versions changed, the newest first, as text."""
    if not versions:
        say("no version changed what was asked for")
    for number, version in enumerate(versions):
        if number:
            say("")
        policy = "" if version.policy_version is None else f", policy version {version.policy_version}"
        say(f"version {version.version}, {iso(version.log_time)}{policy}{_after(version.event_ids)}")
        table(("  what", "who", "before", "after", "why"), _lines(version.lines))


def _lines(lines: "Sequence[HistoryLine]") -> "Iterable[tuple[object, ...]]":
    for line in lines:
        what = line.kind.replace("_", " ")
        cause = " (settings)" if line.cause == "settings" else ""
        yield (f"  {what}{cause}", _who(line), line.before, line.after, line.why)


def _who(line: "HistoryLine") -> str:
    if line.person_id is not None:
        return line.name or line.person_id
    return "the group" if line.kind in _OF_THE_GROUP else "somebody erased"


def _after(event_ids: "Sequence[str]") -> str:
    if not event_ids:
        return ""
    shown = ", ".join(event_ids[:_EVENTS_SHOWN])
    more = len(event_ids) - _EVENTS_SHOWN
    return f", after {shown}{f' and {more} more' if more > 0 else ''}"


def _row(member: "MemberView") -> tuple[object, ...]:
    who = member.name or member.person_id
    if member.also_known_as:
        who += f" (also {', '.join(member.also_known_as)})"
    return (member.role, who, *_rest(member))


def _rest(member: "PastMemberView") -> tuple[object, ...]:
    return (member.title, member.seniority, member.function, member.score, member.why)
