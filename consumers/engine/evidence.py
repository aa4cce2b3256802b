"""What was said of who somebody is, besides the e-mail address and profile URL that are theirs now. Pure.

People change addresses, and two providers hear of it at different times, so an identifier that was once said goes on to
count. That two ids are one person, or are not, is said here too. Each entry keeps the greatest stamp with which it was
said, so that this is a join like a register (law L4).
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from consumers.engine.identifiers import Identifier, email_of, profile_of
from consumers.engine.register import Register, Stamp

Verdict = Literal["same", "other"]
SAME: Final[Verdict] = "same"
OTHER: Final[Verdict] = "other"
"""Kinds of what is said of two ids: that they are one person, that they are two."""
MOST: Final = 8
"""How many identifiers of one kind are kept besides the one that counts now: those that were said last."""
EMAIL_FIELD, PROFILE_FIELD = 1, 2
"""Places in `consumers.engine.state.PERSON_FIELDS`."""
_SEPARATOR: Final = "\x1f"


class Evidence(NamedTuple):
    """One thing that was said.

    Attributes:
        kind: of identifier; or `SAME` or `OTHER`, of another person id.
        value: the identifier; or the other person id.
        stamp: the greatest with which it was said.
    """

    kind: str
    value: str
    stamp: Stamp

    def text(self) -> str:
        """As the store keeps it."""
        return _SEPARATOR.join(self)

    @classmethod
    def parse(cls, text: str) -> "Evidence":
        """What `text` made."""
        return cls(*text.split(_SEPARATOR, 2))


def identifiers(who: Register) -> dict[Identifier, Stamp]:
    """The identifiers that count now, with who said them."""
    found: dict[Identifier, Stamp] = {}
    for place, read in ((EMAIL_FIELD, email_of), (PROFILE_FIELD, profile_of)):
        value = who.values[place]
        if isinstance(value, str) and (identifier := read(value)) is not None:
            found[identifier] = who.stamps[place]
    return found


def remember(
    kept: tuple[Evidence, ...], before: Register, after: Register, said: tuple[str | None, ...], stamp: Stamp
) -> tuple[Evidence, ...]:
    """The evidence after a statement about a person.

    Args:
        kept: the evidence before.
        before: the person's fields before the statement.
        after: the same after it.
        said: what the statement says of each field.
        stamp: its stamp.
    """
    lost: list[Evidence] = []
    moved = False
    for place, read in ((EMAIL_FIELD, email_of), (PROFILE_FIELD, profile_of)):
        new, old = said[place], before.values[place]
        if new is None or old is None or new == old:
            continue
        moved = True
        # One of the two is what counts now; the other would be forgotten.
        value, by = (new, stamp) if after.values[place] == old else (old, before.stamps[place])
        if (identifier := read(str(value))) is not None:
            lost.append(Evidence(*identifier, by))
    if not moved:
        return kept
    current = [Evidence(*identifier, by) for identifier, by in identifiers(after).items()]
    return _without(_joined([*kept, *lost, *current]), {entry[:2] for entry in current})


def judge(kept: tuple[Evidence, ...], verdict: Verdict, other: str, stamp: Stamp) -> tuple[tuple[Evidence, ...], bool]:
    """The evidence after it was said that two ids are one person, or two; and whether that is news.

    Said again it is: of several things that contradict each other, the order in time decides.
    """
    before = next((e for e in kept if e.kind in (SAME, OTHER) and e.value == other), None)
    if before is not None and (before.stamp, before.kind) >= (stamp, verdict):
        return kept, False
    rest = [entry for entry in kept if entry is not before]
    return tuple(sorted([*rest, Evidence(verdict, other, stamp)])), True


def _joined(entries: Iterable[Evidence]) -> list[Evidence]:
    """Each thing once, with its greatest stamp; of each kind of identifier those that were said last.

    What counts now must be among the entries: it is the latest of its kind, and takes a place that no other may have.
    """
    latest: dict[tuple[str, str], Stamp] = {}
    for kind, value, stamp in entries:
        latest[kind, value] = max(stamp, latest.get((kind, value), ""))
    kinds: dict[str, list[Evidence]] = {}
    for (kind, value), stamp in latest.items():
        kinds.setdefault(kind, []).append(Evidence(kind, value, stamp))
    kept: list[Evidence] = []
    for kind, those in kinds.items():
        newest = sorted(those, key=lambda entry: (entry.stamp, entry.value), reverse=True)
        kept += newest if kind in (SAME, OTHER) else newest[: MOST + 1]
    return kept


def _without(entries: Iterable[Evidence], current: set[tuple[str, str]]) -> tuple[Evidence, ...]:
    return tuple(sorted(entry for entry in entries if entry[:2] not in current))
