"""Between buyer groups and their rows: members, heads, and the history of both. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from consumers.buyer_group import GroupChange, Member
from consumers.engine.state import Refresh
from db.rows import GroupChangeRow, GroupRow, HeadHistoryRow, MemberHistoryRow, MemberRow
from schemas.values import maker

_NOTHING: Final = (None,) * 11
_member, _member_row, _past_member = maker(Member), maker(MemberRow), maker(MemberHistoryRow)


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
        found[row[:2]].append(_member(row[2:]))
    return found


def difference(before: Sequence[Member], after: Sequence[Member]) -> Moved:
    """What makes one group of another; the order of the members does not matter."""
    old = {m[:2]: m for m in before}  # by person and role
    new = {m[:2]: m for m in after}
    return Moved([m for key, m in new.items() if old.get(key) != m], [m for key, m in old.items() if key not in new])


def past_members(key: GroupKey, moved: Moved, refresh: Refresh) -> list[MemberHistoryRow]:
    """What each member is from a refresh on, of those who are another one than before."""
    at, ids = refresh.at, refresh.made_of
    return [
        *(MemberHistoryRow(*key, m.person_id, m.role, at, False, *_NOTHING) for m in moved.gone),  # noqa: FBT003
        *(_past_member((*key, *m[:2], at, True, *m[2:], ids.get(m.person_id))) for m in moved.written),
    ]


def of_other_ids(members: Iterable[Member], moved: Moved, refresh: Refresh) -> list[Member]:
    """Members who look as before, but are not of the same ids: what they are may be erased only until here."""
    if not refresh.corrected:
        return []
    ids, written = {i for pair in refresh.corrected.values() for i in pair}, {m[:2] for m in moved.written}
    return [m for m in members if m.person_id in ids and m[:2] not in written]


def told_of(refresh: Refresh) -> Mapping[str, tuple[str, ...]]:
    """By the id in a line, all ids whose state it may tell, if there are several: as they are now, and as they were."""
    corrected, now = refresh.corrected, refresh.made_of
    if not corrected:
        return now
    was = {who: old for who, (old, _) in corrected.items()}
    stay = {who: known_as for known_as, ids in now.items() for who in ids if who not in was}
    before: dict[str, set[str]] = defaultdict(set)
    for who, known_as in (was | stay).items():
        before[known_as] |= {who, known_as}
    found = dict(now)
    for one in {i for pair in corrected.values() for i in pair}:
        ids = {one, *now.get(one, ())}
        found[one] = tuple(sorted(ids.union(before[one], *(before[was.get(who, one)] for who in ids))))
    return found


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


def change_row(
    key: tuple[str, str, int], position: int, refresh: Refresh, line: GroupChange, made_of: tuple[str, ...] | None
) -> GroupChangeRow:
    """A line of a version; key: company, workspace and version; made_of: all ids that it tells of, if several."""
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
        made_of,
    )


def member_row(company_id: str, workspace_id: str, m: Member) -> MemberRow:
    """A member as they are now."""
    return _member_row((company_id, workspace_id, *m))
