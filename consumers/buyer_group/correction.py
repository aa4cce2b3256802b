"""Members whose ids turned out to be one person's, or two people's: the world is the same, nobody came or went."""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence

from consumers.buyer_group.diff import GroupChange, Kind
from consumers.buyer_group.model import Member, group_order

Corrected = Mapping[str, tuple[str, str]]
"""By person id, what it was known as before and is now."""
_Roles = tuple[Member, ...]
"""One person, an entry for each of their roles."""


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
    known: dict[str, list[_Roles]] = defaultdict(list)
    lines: list[GroupChange] = []
    for person_id, roles in old.items():
        known_as = corrected.get(person_id, ("", person_id))[1]
        if known_as == person_id or known_as not in new:
            known[person_id].append(roles)
        else:
            known[known_as].append(tuple(member._replace(person_id=known_as) for member in roles))
            why = f"is the same person as {known_as}"
            lines.append(GroupChange(Kind.IDENTITY_CORRECTED, person_id, roles[0].name, _text(roles), None, why))
    for person_id, (was, known_as) in corrected.items():
        if known_as == person_id and person_id in new and person_id not in known and was in old:
            known[person_id].append(new[person_id])
    kept: list[Member] = []
    for person_id, ways in known.items():
        chosen = _nearest(ways, new.get(person_id, ()))
        kept += chosen
        if _text(chosen) != _text(old.get(person_id, ())):
            why, name = "was known here by another id", new[person_id][0].name
            lines.append(GroupChange(Kind.IDENTITY_CORRECTED, person_id, name, None, _text(chosen), why))
    return tuple(kept), tuple(sorted(lines, key=lambda line: (line.person_id or "", line.after or "")))


def is_gone(person_id: str, corrected: Corrected, present: Container[str]) -> bool:
    """Whether an older member works at the company no more, under whichever id they are known now."""
    return corrected.get(person_id, ("", person_id))[1] not in present


def _by_person(members: Sequence[Member]) -> dict[str, _Roles]:
    found: dict[str, _Roles] = {}
    for member in sorted(members, key=group_order):
        found[member.person_id] = (*found.get(member.person_id, ()), member)
    return found


def _nearest(ways: Sequence[_Roles], now: _Roles) -> _Roles:
    """Of several members that are one person now the one who looked most like them: the rest is no change of theirs."""

    def distance(roles: _Roles) -> int:
        if not now:
            return 0
        (one, *_), (other, *_) = roles, now
        return (_text(roles) != _text(now)) + (one.seniority != other.seniority) + (one.function != other.function)

    return min(ways, key=distance)


def _text(roles: _Roles) -> str:
    """Somebody's roles as history and notifications have them."""
    return ", ".join(member.role for member in roles)
