"""Holds two folds of one log against each other, row by row (law L6).

Of a company that has changes on several partitions, because partitions were added while it had some unread, nobody
knows which live read first: what depends on that is not compared (decision 0019).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from db.digest import POSITIONS, Digest, Image, Row, Table

Split = Mapping[str, tuple[int, ...]]
"""By company its partitions, where it has several."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same in both.

    Attributes:
        part: the company, or the partition.
        key: the row's key, as far as it counts.
        live: the row as it is; None: there is none.
        log: the row as the log makes it; None: it makes none.
    """

    table: str
    part: str
    key: Row
    live: Row | None
    log: Row | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two folds of one log.

    Attributes:
        live: digests by table.
        log: the same of the fold aside.
        parts: by table, how many companies (or partitions) differ.
        split: companies of several partitions; empty when no row is another one.
        apart: by table, how many of those (or of partitions) are other rows than the log makes only in what depends on
            the order in which their partitions were read.
        first: the first rows that differ.
    """

    live: dict[str, Digest]
    log: dict[str, Digest]
    parts: dict[str, int] = field(default_factory=dict)
    split: Split = field(default_factory=dict)
    apart: dict[str, int] = field(default_factory=dict)
    first: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether no row differs."""
        return not self.parts


def compare(live: Image, log: Image, tables: Sequence[Table], first: int) -> Comparison:
    """Hold two folds of one log against each other.

    Args:
        live: what is.
        log: what the log makes.
        tables: those to look at.
        first: at most so many rows that differ are named.
    """
    ours, theirs = ({t.name: look.digest(t) for t in tables} for look in (live, log))
    unequal = [t for t in tables if ours[t.name] != theirs[t.name]]
    found = Comparison(ours, theirs, split=log.split() if unequal else {})
    for table in unequal:
        differ = apart = 0
        for part in _unequal(live.parts(table), log.parts(table)):
            if _is_apart(table, part, live, log, found.split):
                apart += 1
                continue
            differ += 1
            if (room := first - len(found.first)) > 0:
                found.first.extend(_differences(table, part, live, log)[:room])
        found.parts.update({table.name: differ} if differ else {})
        found.apart.update({table.name: apart} if apart else {})
    return found


def _is_apart(table: Table, part: str, live: Image, log: Image, split: Split) -> bool:
    """Whether a part differs only in what depends on the order in which partitions were read."""
    if part not in split and not (table is POSITIONS and split):
        return False
    if table.by_order is None:
        return True
    return not _differences(replace(table, left_out=(*table.left_out, *table.by_order)), part, live, log)


def _unequal(left: Iterator[tuple[str, str]], right: Iterator[tuple[str, str]]) -> Iterable[str]:
    """The parts of two ordered streams that are not the same in both."""
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            yield (a or ("",))[0]
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            yield b[0]
            b = next(right, None)
        else:
            if a[1] != b[1]:
                yield a[0]
            a, b = next(left, None), next(right, None)


def _differences(table: Table, part: str, live: Image, log: Image) -> list[Difference]:
    ours, theirs = live.rows(table, part), log.rows(table, part)
    return [
        Difference(table.name, part, _key(table, key), ours.get(key), theirs.get(key))
        for key in sorted({*ours, *theirs}, key=repr)
        if ours.get(key) != theirs.get(key)
    ]


def _key(table: Table, key: Sequence[Any]) -> Row:
    return {name: value for name, value in zip(table.key, key, strict=True) if name not in table.left_out}
