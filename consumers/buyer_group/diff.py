"""What changed between two versions of a group, as the closed list that a seller is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.buyer_group.model import Member, group_order


@dataclass(frozen=True, slots=True)
class GroupChange:
    """One line of what a version changed.

    Attributes:
        kind: joined, left (the company), removed (from the group only), role_changed, level_changed,
            department_changed.
        before: role, or level, or department before; None for who joined. Several roles are divided by commas.
        after: the same after; None for who left.
        why: the sentence behind the new state, or what ended the old one.
    """

    kind: str
    person_id: str | None
    name: str | None
    before: str | None
    after: str | None
    why: str


def diff_groups(before: Sequence[Member], after: Sequence[Member], departed: frozenset[str]) -> tuple[GroupChange, ...]:
    """What a seller is told; nothing when role, level and department stay.

    Args:
        before: the members of the older version.
        after: those of the newer.
        departed: who of the older ones works at the company no more.
    """
    old, new = _people(before), _people(after)
    changes: list[GroupChange] = []
    for person_id in sorted({*old, *new}):
        changes.extend(_person(old.get(person_id), new.get(person_id), person_id in departed))
    return tuple(changes)


def _people(members: Sequence[Member]) -> dict[str, Member]:
    """One entry a person: the first one, with all roles that they have."""
    people: dict[str, Member] = {}
    for member in sorted(members, key=group_order):
        first = people.setdefault(member.person_id, member)
        if first is not member:
            people[member.person_id] = first._replace(role=f"{first.role}, {member.role}")
    return people


def _person(old: Member | None, new: Member | None, departed: bool) -> list[GroupChange]:
    if old is None and new is not None:
        return [GroupChange("joined", new.person_id, new.name, None, new.role, new.why)]
    if new is None and old is not None:
        kind, why = ("left", "works at the company no more") if departed else ("removed", "no rule puts them here now")
        return [GroupChange(kind, old.person_id, old.name, old.role, None, why)]
    if old is None or new is None:
        return []
    compared = (
        ("role_changed", old.role, new.role),
        ("level_changed", old.seniority, new.seniority),
        ("department_changed", old.function, new.function),
    )
    return [GroupChange(k, new.person_id, new.name, a, b, new.why) for k, a, b in compared if a != b]
