"""How `group show` looks as text."""

from typing import TYPE_CHECKING, Final

from cli.output import counted, iso, say, table

if TYPE_CHECKING:
    from db.reads import GroupView, MemberView

_HEADS: Final = ("role", "name", "title", "level", "function", "score", "why")


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


def _row(member: "MemberView") -> tuple[object, ...]:
    who = member.name or member.person_id
    if member.also_known_as:
        who += f" (also {', '.join(member.also_known_as)})"
    return (member.role, who, member.title, member.seniority, member.function, member.score, member.why)
