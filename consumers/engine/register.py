"""Last-writer-wins registers: the join under law L4.

Each field keeps the value with the greatest (occurred at, source, event id), and of two values with the same stamp the
greater one. That makes `join` commutative, associative and idempotent: the order and the number of deliveries cannot
matter.
"""

from typing import Final, NamedTuple

from schemas.events import PersonChange

Value = str | int | bool
Stamp = str

NEVER: Final[Stamp] = ""
"""The stamp of a field nobody has said anything about: less than any other."""
_SEPARATOR: Final = "\x1f"


def stamp_of(change: PersonChange) -> Stamp:
    """Who says so, as one string that sorts like (occurred at, source, event id).

    Ids hold no control characters (`schemas.events.validate_change`), so the separator sorts below all that is in them.
    """
    return stamp_of_parts(change.occurred_at, change.source, change.event_id)


def stamp_of_parts(occurred_at: int, source: str, event_id: str) -> Stamp:
    """The stamp of a statement; occurred at in ms."""
    return f"{occurred_at:015d}{_SEPARATOR}{source}{_SEPARATOR}{event_id}"


def parts_of(stamp: Stamp) -> tuple[int, str, str]:
    """Occurred at (ms), source and event id of a stamp that is not `NEVER`."""
    occurred_at, source, event_id = stamp.split(_SEPARATOR)
    return int(occurred_at), source, event_id


class Register(NamedTuple):
    """Some fields, each with its value and the stamp of who said so; both tuples are as long as the list of fields."""

    values: tuple[Value | None, ...]
    stamps: tuple[Stamp, ...]

    @classmethod
    def empty(cls, fields: int) -> "Register":
        """Fields of which nobody has said anything."""
        return cls((None,) * fields, (NEVER,) * fields)

    def join(self, said: tuple[Value | None, ...], stamp: Stamp) -> tuple["Register", bool]:
        """These fields after a statement; None says nothing about a field.

        Returns:
            The register (itself when nothing moved), and whether a value is another one than before.
        """
        values, stamps = list(self.values), list(self.stamps)
        moved = news = False
        for i, value in enumerate(said):
            # A later stamp wins whatever the values are; it is the usual case, and this the consumer's busiest loop.
            if value is None or not (stamp > stamps[i] or _wins(value, stamp, values[i], stamps[i])):
                continue
            moved = True
            news = news or value != values[i]
            values[i], stamps[i] = value, stamp
        return (Register(tuple(values), tuple(stamps)), news) if moved else (self, False)

    def merge(self, other: "Register") -> "Register":
        """These fields and another's, as if all that was said of either had been said of one."""
        values, stamps = list(self.values), list(self.stamps)
        for i, (value, stamp) in enumerate(zip(other.values, other.stamps, strict=True)):
            if value is not None and _wins(value, stamp, values[i], stamps[i]):
                values[i], stamps[i] = value, stamp
        return Register(tuple(values), tuple(stamps))


def _wins(value: Value, stamp: Stamp, old: Value | None, old_stamp: Stamp) -> bool:
    if stamp != old_stamp:
        return stamp > old_stamp
    return old is None or value > old  # type: ignore[operator]  # a field has one type for ever
