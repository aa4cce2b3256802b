"""Between buyer groups and their rows: members, heads, and the history of both. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from consumers.buyer_group import GroupChange, Member
from consumers.engine.state import Refresh
from db.rows import GroupChangeRow, GroupRow, HeadHistoryRow, MemberHistoryRow, MemberRow

_NOTHING: Final = (None,) * 10


GroupKey = tuple[str, str]
"""Company and workspace."""


class Moved(NamedTuple):
    """The members of a group that are new or different, and those that are in it no more."""

    written: list[Member]
    gone: list[Member]


def group_members(rows: Iterable[MemberRow]) -> dict[GroupKey, list[Member]]:
    """Stored members by group, in no order; a row is its group and the member, field by field."""
    found: dict[GroupKey, list[Member]] = defaultdict(list)
    for row in rows:
        found[row[:2]].append(Member._make(row[2:]))
    return found


def difference(before: Sequence[Member], after: Sequence[Member]) -> Moved:
    """What makes one group of another; the order of the members does not matter."""
    old = {m[:2]: m for m in before}  # by person and role
    new = {m[:2]: m for m in after}
    return Moved([m for key, m in new.items() if old.get(key) != m], [m for key, m in old.items() if key not in new])


def past_members(key: GroupKey, moved: Moved, at: int) -> list[MemberHistoryRow]:
    """What each member is from a log time on, of those who are another one than before."""
    return [
        *(MemberHistoryRow(*key, m.person_id, m.role, at, False, *_NOTHING) for m in moved.gone),  # noqa: FBT003
        *(MemberHistoryRow._make((*key, m.person_id, m.role, at, True, *m[2:])) for m in moved.written),
    ]


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
    return MemberRow._make((company_id, workspace_id, *m))
