"""Between buyer groups and their rows: members, heads, and the history of both. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from consumers.buyer_group import GroupChange, Member
from consumers.engine.state import Refresh
from db.rows import GroupChangeRow, GroupRow, HeadHistoryRow, MemberHistoryRow, MemberRow

_NOTHING: Final = (None,) * 10


def group_members(rows: Sequence[MemberRow], order: Callable[[Member], object]) -> tuple[Member, ...]:
    """Stored members as `derive_group` orders them."""
    members = [
        Member(
            person_id=row.person_id,
            name=row.name,
            title=row.title,
            role=row.role,
            score=row.score,
            seniority=row.seniority,
            function=row.function,
            why=row.why,
            rule=row.rule,
            own_role=row.own_role,
            set_by=row.set_by,
            confidence=row.confidence,
        )
        for row in rows
    ]
    return tuple(sorted(members, key=order))  # type: ignore[arg-type]  # any comparable key will do


def difference(before: Sequence[Member], after: Sequence[Member]) -> tuple[list[Member], list[Member]]:
    """The members of a group that are new or different, and those that are in it no more."""
    old = {(m.person_id, m.role): m for m in before}
    new = {(m.person_id, m.role): m for m in after}
    return [m for key, m in new.items() if old.get(key) != m], [m for key, m in old.items() if key not in new]


def past_members(
    key: tuple[str, str], before: Sequence[Member], after: Sequence[Member], at: int
) -> Iterator[MemberHistoryRow]:
    """What each member is from a log time on, of those who are another one than before; key: company and workspace."""
    written, gone = difference(before, after)
    for m in gone:
        yield MemberHistoryRow(*key, m.person_id, m.role, at, False, *_NOTHING)  # noqa: FBT003
    for m in written:
        row = member_row(*key, m)
        yield MemberHistoryRow._make((*row[:4], at, True, *row[4:]))


def past_head(row: GroupRow) -> HeadHistoryRow:
    """A head as it is from its refresh on."""
    return HeadHistoryRow(
        row.company_id,
        row.workspace_id,
        row.refreshed_at,
        row.version,
        row.changed_at,
        row.policy_version,
        row.completeness,
        row.missing,
        row.tracked,
    )


def change_row(key: tuple[str, str, int], position: int, refresh: Refresh, line: GroupChange) -> GroupChangeRow:
    """A line of a version; key: company, workspace and version."""
    where = line.went_to
    return GroupChangeRow(
        *key,
        position,
        refresh.at,
        line.kind,
        line.person_id,
        line.name,
        line.before,
        line.after,
        line.why,
        refresh.event_ids,
        line.cause,
        where.id if where else None,
        where.name if where else None,
    )


def member_row(company_id: str, workspace_id: str, m: Member) -> MemberRow:
    """A member as they are now."""
    key, says = (company_id, workspace_id, m.person_id, m.role), (m.name, m.title, m.seniority, m.function)
    return MemberRow(*key, *says, m.score, m.why, m.rule, m.own_role, m.set_by, m.confidence)
