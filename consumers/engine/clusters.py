"""Ids grouped into people, with what keeps them apart. Pure; the order of the roster cannot matter."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations


class Clusters:
    """Groups of ids; at first everybody is alone.

    Args:
        strong: by id, the member ids that it has, by their kind: two people never have the same, and one has no two.
    """

    def __init__(self, strong: Mapping[str, Mapping[str, str]]) -> None:
        self._strong = strong
        self._root = {person_id: person_id for person_id in strong}
        self._members = {person_id: [person_id] for person_id in strong}
        self._apart: dict[str, set[str]] = defaultdict(set)
        self._swallowed: set[str] = set()

    def keep_apart(self, one: str, other: str) -> None:
        """These are two people; unless something that was said later has made them one."""
        if self._root[one] != self._root[other]:
            self._apart[one].add(other)
            self._apart[other].add(one)

    def join(self, survivor: str, other: str) -> None:
        """These are one person, whatever their member ids are; unless it was said later that they are two.

        Args:
            survivor: the id under which the person is known from now on.
            other: the id that it swallows.
        """
        if not self._are_apart(self._members_of(survivor), self._members_of(other)):
            self._unite(survivor, other)
            self._swallowed.add(other)

    def join_where_nothing_speaks_against(self, pairs: Iterable[tuple[str, str]]) -> None:
        """All that these pairs connect are one person, where nobody among them must be another than somebody else.

        Where one must, it cannot be told whose the ids between them are: none of the pairs that connect them counts.
        """
        neighbours: dict[str, set[str]] = defaultdict(set)
        for one, other in pairs:
            neighbours[self._root[one]].add(self._root[other])
            neighbours[self._root[other]].add(self._root[one])
        for component in _components(neighbours):
            if not self._speaks_against(component):
                for other in component[1:]:
                    self._unite(component[0], other)

    def against(self, one: str, other: str) -> str | None:
        """What keeps two people apart; None when nothing does."""
        a, b = self._members_of(one), self._members_of(other)
        if self._are_apart(a, b):
            return "said to be two people"
        kind = self._conflict([a, b])
        return f"two of {kind}" if kind else None

    def canonical(self) -> dict[str, str]:
        """By id of everybody who has several, the one id that they are known by.

        An id that no other swallowed comes first, then one that is no provider's own (`source:id`), then the least.
        """
        known_as: dict[str, str] = {}
        for members in self._members.values():
            if len(members) > 1:
                first = min(members, key=lambda one: (one in self._swallowed, ":" in one, one))
                known_as |= dict.fromkeys(members, first)
        return known_as

    def _members_of(self, person_id: str) -> list[str]:
        return self._members[self._root[person_id]]

    def _unite(self, one: str, other: str) -> None:
        into, gone = self._root[one], self._root[other]
        if into == gone:
            return
        if len(self._members[into]) < len(self._members[gone]):
            into, gone = gone, into
        moved = self._members.pop(gone)
        self._members[into] += moved
        self._root |= dict.fromkeys(moved, into)

    def _speaks_against(self, component: list[str]) -> bool:
        together = [self._members[root] for root in component]
        everybody = [person_id for members in together for person_id in members]
        return self._are_apart(everybody, everybody) or self._conflict(together) is not None

    def _are_apart(self, these: Iterable[str], those: Iterable[str]) -> bool:
        if not self._apart:
            return False
        others = {*those}
        return any(not others.isdisjoint(self._apart[one]) for one in these if one in self._apart)

    def _conflict(self, people: Iterable[Iterable[str]]) -> str | None:
        """The kind of member id of which two people each have one, but none in common."""
        values: dict[str, set[frozenset[str]]] = defaultdict(set)
        for members in people:
            own: dict[str, set[str]] = defaultdict(set)
            for person_id in members:
                for kind, value in self._strong[person_id].items():
                    own[kind].add(value)
            for kind, found in own.items():
                values[kind].add(frozenset(found))
        for kind, found_by_person in sorted(values.items()):
            if any(one.isdisjoint(other) for one, other in combinations(found_by_person, 2)):
                return kind
        return None


def _components(neighbours: Mapping[str, Iterable[str]]) -> Iterable[list[str]]:
    """Whoever is connected, each of them once."""
    seen: set[str] = set()
    for start in neighbours:
        if start in seen:
            continue
        seen.add(start)
        found, waiting = [start], [start]
        while waiting:
            fresh = [one for one in neighbours[waiting.pop()] if one not in seen]
            seen.update(fresh)
            found += fresh
            waiting += fresh
        yield found
