"""Members whose ids turned out to be one person's, or two people's: the world is the same, nobody came or went."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Final

from consumers.buyer_group.diff import GroupChange
from consumers.buyer_group.model import Member

KIND: Final = "identity_corrected"
Corrected = Mapping[str, tuple[str, str]]
"""By person id, what it was known as before and is now."""


def correct_identity(
    before: Sequence[Member], after: Sequence[Member], corrected: Corrected
) -> tuple[tuple[Member, ...], tuple[GroupChange, ...]]:
    """The members of the older version under the ids that they have in the newer one, and what that changed.

    Args:
        before: the members of the older version.
        after: those of the newer.
        corrected: ids that are known as another one now.

    Returns:
        Members to compare the newer version with; and a line for each id that the group has no more, or has now.
    """
    old, new = _by_person(before), _by_person(after)
    known: dict[str, list[tuple[Member, ...]]] = defaultdict(list)
    lines: list[GroupChange] = []
    for person_id, members in old.items():
        known_as = corrected.get(person_id, ("", person_id))[1]
        if known_as not in new:
            known_as = person_id
        known[known_as].append(tuple(replace(member, person_id=known_as) for member in members))
        if known_as != person_id:
            lines += [_gone(member, known_as) for member in members]
    for person_id, (was, known_as) in corrected.items():
        if known_as == person_id and person_id in new and person_id not in known and was in old:
            known[person_id].append(new[person_id])
    kept: list[Member] = []
    for person_id, ways in known.items():
        chosen = _nearest(ways, new.get(person_id, ()))
        kept += chosen
        if _roles(chosen) != _roles(old.get(person_id, ())):
            lines += [_here(member, new[person_id][0].name) for member in chosen]
    return tuple(kept), tuple(sorted(lines, key=lambda line: (line.person_id or "", line.after or "")))


def is_gone(person_id: str, corrected: Corrected, present: Container[str]) -> bool:
    """Whether an older member works at the company no more, under whichever id they are known now."""
    return corrected.get(person_id, ("", person_id))[1] not in present


def _by_person(members: Sequence[Member]) -> dict[str, tuple[Member, ...]]:
    found: dict[str, tuple[Member, ...]] = {}
    for member in sorted(members, key=lambda one: (one.person_id, one.role)):
        found[member.person_id] = (*found.get(member.person_id, ()), member)
    return found


def _nearest(ways: Sequence[tuple[Member, ...]], now: Sequence[Member]) -> tuple[Member, ...]:
    """Of several members that are one person now the one who looked most like them: the rest is no change of theirs."""
    return min(ways, key=lambda members: sum(_difference(one, other) for one in members for other in now))


def _difference(one: Member, other: Member) -> int:
    return (one.role != other.role) + (one.seniority != other.seniority) + (one.function != other.function)


def _gone(member: Member, known_as: str) -> GroupChange:
    return GroupChange(KIND, member.person_id, member.name, member.role, None, f"is the same person as {known_as}")


def _here(member: Member, name: str | None) -> GroupChange:
    return GroupChange(KIND, member.person_id, name, None, member.role, "was known here by another id")


def _roles(members: Sequence[Member]) -> list[str]:
    return [member.role for member in members]
