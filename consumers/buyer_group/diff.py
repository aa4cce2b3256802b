"""What changed between two versions of a group, as the closed list that a seller is told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from consumers.buyer_group.completeness import Completeness, completeness
from consumers.buyer_group.model import RANK, Member, group_order
from consumers.buyer_group.policy import DEFAULT_POLICY, Policy
from schemas.events import Company
from schemas.values import value_class

_SHOWN: Final = 80
"""So much of a title is repeated in a sentence."""


class Kind(StrEnum):
    """What may change. Nothing else is told: a title that is only spelled otherwise is no news."""

    JOINED = "joined"
    LEFT = "left"
    REMOVED = "removed"
    ROLE_CHANGED = "role_changed"
    PROMOTED = "promoted"
    DEMOTED = "demoted"
    LEVEL_CHANGED = "level_changed"
    DEPARTMENT_CHANGED = "department_changed"
    IDENTITY_CORRECTED = "identity_corrected"
    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    SETTINGS_CHANGED = "settings_changed"
    ERASED = "erased"
    """Of a member who has opted out: nothing more is said."""


class Cause(StrEnum):
    """Who changed the group: the world, or whoever set the workspace's policy."""

    WORLD = "world"
    SETTINGS = "settings"


@value_class(frozen=True, slots=True)
class GroupChange:
    """One line of what a version changed.

    Attributes:
        kind: one of `Kind`.
        person_id: None when the line is about the group.
        before: role, level or department before, as `kind` says; None for who joined. Of a group: the required roles
            that were open; None when each was covered. Several roles are divided by commas.
        after: the same after; None for who left.
        why: the sentence behind the new state, or what ended the old one.
        cause: one of `Cause`.
        went_to: of who left, where to, if it is known.
    """

    kind: str
    person_id: str | None
    name: str | None
    before: str | None
    after: str | None
    why: str
    cause: str = Cause.WORLD
    went_to: Company | None = None


@dataclass(frozen=True)
class Standing:
    """A group under a policy. What is made of it once is kept with it.

    Attributes:
        policy: says which roles a complete group has.
    """

    members: Sequence[Member] = ()
    policy: Policy = DEFAULT_POLICY

    @cached_property
    def complete(self) -> Completeness:
        """How complete it is by the policy."""
        return completeness(self.members, self.policy)

    @cached_property
    def people(self) -> dict[str, Member]:
        """One entry a person: the first one, with all roles that they have."""
        return _by_person(self.members)

    def only(self, among: Collection[str] | None) -> Mapping[str, Member]:
        """Those of the people who are among some; None: all."""
        return self.people if among is None else _by_person(m for m in self.members if m.person_id in among)


def _by_person(members: Iterable[Member]) -> dict[str, Member]:
    people: dict[str, Member] = {}
    for member in sorted(members, key=group_order):
        first = people.setdefault(member.person_id, member)
        if first is not member:
            people[member.person_id] = first._replace(role=f"{first.role}, {member.role}")
    return people


def diff_standings(
    before: Standing,
    world: Standing,
    after: Standing,
    departed: Mapping[str, Company | None],
    among: Collection[str] | None = None,
) -> tuple[GroupChange, ...]:
    """What a version changes, each line with its cause.

    Args:
        before: the older version, under the policy that counted then.
        world: the group of now under that same policy.
        after: the group of now under the policy that counts now; `world` itself when that is the same one.
        departed: who of the older ones works at the company no more, and where they went, if that is known.
        among: everybody of whom something is another one between `before` and `world`, if that is known: then nobody
            else is looked at.

    Returns:
        The world's lines, then those of the settings. Who is in the end what they were is not told of.
    """
    lines = _step(before, world, departed, among)
    if after is world:
        return tuple(lines)
    lines += [replace(line, cause=Cause.SETTINGS) for line in _step(world, after, {})]
    old, new = _told(before), _told(after)
    moved = before.complete.missing != after.complete.missing
    return tuple(x for x in lines if (moved if x.person_id is None else old.get(x.person_id) != new.get(x.person_id)))


def diff_groups(
    before: Sequence[Member], after: Sequence[Member], departed: Mapping[str, Company | None]
) -> tuple[GroupChange, ...]:
    """The lines about people; nothing when role, level and department stay.

    Args:
        before: the members of the older version.
        after: those of the newer.
        departed: who of the older ones works at the company no more, and where they went, if that is known.
    """
    return tuple(_people(Standing(before), Standing(after), departed))


def summary_of(lines: Sequence[GroupChange], before: int, after: int) -> GroupChange | None:
    """One line for all that the settings changed: nobody wants to hear of each; None when they changed nothing.

    Args:
        lines: of a version; only those whose cause are the settings count.
        before: the policy's version that counted before.
        after: the one that counts now.
    """
    counts: dict[str, int] = {}
    for line in lines:
        if line.cause == Cause.SETTINGS:
            counts[line.kind] = counts.get(line.kind, 0) + 1
    if not counts:
        return None
    parts = ", ".join(f"{counts[kind]} {kind.replace('_', ' ')}" for kind in Kind if kind in counts)
    why = f"the settings changed, not the people: policy version {after} counts now ({parts})"
    return GroupChange(Kind.SETTINGS_CHANGED, None, None, str(before), str(after), why, Cause.SETTINGS)


def _people(
    before: Standing, after: Standing, departed: Mapping[str, Company | None], among: Collection[str] | None = None
) -> list[GroupChange]:
    old, new = before.only(among), after.only(among)
    changes: list[GroupChange] = []
    for person_id in sorted({*old, *new}):
        was, now = old.get(person_id), new.get(person_id)
        if was != now:
            changes += _person(was, now, departed)
    return changes


def _step(
    before: Standing, after: Standing, departed: Mapping[str, Company | None], among: Collection[str] | None = None
) -> list[GroupChange]:
    """From one group to another, whatever the cause."""
    lines = _people(before, after, departed, among)
    group = _coverage(before, after)
    return lines if group is None else [*lines, group]


def _coverage(before: Standing, after: Standing) -> GroupChange | None:
    """Whether a required role lost what it needs, or the last one that was open is covered."""
    was, now = before.complete.missing, after.complete
    if was and not now.missing:
        return GroupChange(Kind.COMPLETE, None, None, _listed(was), None, "every required role is covered")
    lost = [filled for filled in now.roles if filled.role in now.missing and filled.role not in was]
    if not lost or not before.members:
        return None
    why = " and ".join(
        f"{filled.assigned or 'no'} {filled.role.replace('_', ' ')} left"
        + (f" of the {filled.required} required" if filled.assigned else "")
        for filled in lost
    )
    return GroupChange(Kind.INCOMPLETE, None, None, _listed(was), _listed(now.missing), why)


def _listed(roles: Sequence[str]) -> str | None:
    return ", ".join(roles) or None


def _told(standing: Standing) -> dict[str, tuple[str, str | None, str | None]]:
    """What a seller knows of each person."""
    return {who: (member.role, member.seniority, member.function) for who, member in standing.people.items()}


def _person(old: Member | None, new: Member | None, departed: Mapping[str, Company | None]) -> list[GroupChange]:
    if old is None and new is not None:
        return [GroupChange(Kind.JOINED, new.person_id, new.name, None, new.role, new.why)]
    if new is None and old is not None:
        return [_gone(old, departed)]
    if old is None or new is None:
        return []
    compared = (
        (Kind.ROLE_CHANGED, old.role, new.role, new.why),
        (_level_kind(old, new), old.seniority, new.seniority, _titles(old, new)),
        (Kind.DEPARTMENT_CHANGED, old.function, new.function, _titles(old, new)),
    )
    return [GroupChange(kind, new.person_id, new.name, a, b, why) for kind, a, b, why in compared if a != b]


def _gone(old: Member, departed: Mapping[str, Company | None]) -> GroupChange:
    if old.person_id not in departed:
        why = "no rule puts them here now"
        return GroupChange(Kind.REMOVED, old.person_id, old.name, old.role, None, why)
    where = departed[old.person_id]
    why = "works at the company no more" if where is None else f"left for {where.name or where.id}"
    return GroupChange(Kind.LEFT, old.person_id, old.name, old.role, None, why, went_to=where)


def _level_kind(old: Member, new: Member) -> Kind:
    """Up, down, or, where one of the levels is not known, neither."""
    if old.seniority is None or new.seniority is None:
        return Kind.LEVEL_CHANGED
    return Kind.PROMOTED if RANK[new.seniority] < RANK[old.seniority] else Kind.DEMOTED


def _titles(old: Member, new: Member) -> str:
    """The reason of the new state, with the titles that made it if there are two."""
    if old.title == new.title or old.title is None or new.title is None:
        return new.why
    return f"{_short(old.title)} is {_short(new.title)} now; {new.why}"


def _short(title: str) -> str:
    return title if len(title) <= _SHOWN else f"{title[: _SHOWN - 1]}…"
