"""How `status` looks: as text and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.output import counted, iso, say, span, table
from db.status import DatabaseStatus, Overview, PartitionStatus

OUTCOMES: Final = ("refreshed", "deferred", "superseded", "ignored", "duplicate", "dead_letter", "tick")
_HEADS: Final = ("partition", "lag", "next offset", "log end", "log time", "age")
_NUMBERS: Final = ("partition", "lag", "next offset", "log end", "age")

Ends = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A partition as both sides see it; None where one of them does not know it."""

    partition: int
    position: PartitionStatus | None
    end: int | None
    lag: int | None


def document(topic: str, found: DatabaseStatus, ends: Ends | None, problem: str | None) -> dict[str, Any]:
    """The status as JSON; times in ISO 8601, UTC."""
    over, places = found.overview, _places(found, ends)
    return {
        "now": iso(over.now),
        "topic": topic,
        "lag": _total(places),
        "kafkaProblem": problem,
        "partitions": [_partition(place, over.now) for place in places],
        "outcomes": {"consumed": _sum(found, "consumed")} | {_camel(name): _sum(found, name) for name in OUTCOMES},
        "difference": sum(place.difference for place in found.partitions),
        "wrongPartition": _sum(found, "wrong_partition"),
        "pending": {
            "companies": over.pending_companies,
            "changes": over.pending_changes,
            "since": iso(over.pending_since),
            "ageMs": _age(over, over.pending_since),
            "nextDue": iso(over.next_due),
            "refreshesDue": over.refreshes_due,
        },
        "deadLettersOpen": over.dead_letters_open,
        "erasureSearches": {"waiting": over.searches, "since": iso(over.searches_since)},
        "outbox": {"waiting": over.outbox_waiting, "since": iso(over.outbox_since)},
        "sizes": {
            "companies": over.companies,
            "people": over.people,
            "groups": over.groups,
            "estimated": over.estimated,
        },
    }


def show(topic: str, found: DatabaseStatus, ends: Ends | None) -> None:
    """The status as text."""
    places = _places(found, ends)
    rows = [_row(place, found.overview.now) for place in places]
    if rows:
        table(_HEADS, rows, right=_NUMBERS)
        say("")
    for name, text in _lines(topic, found, places):
        say(f"{name:<13} {text}")


def _lines(topic: str, found: DatabaseStatus, places: list[_Place]) -> list[tuple[str, str]]:
    over, lag = found.overview, _total(places)
    parts = [f"{_sum(found, name):,} {name.replace('_', ' ')}" for name in OUTCOMES]
    difference = sum(partition.difference for partition in found.partitions)
    about, groups = "about " if over.estimated else "", counted(over.groups, "group")
    lines = [
        ("lag", "unknown" if lag is None else f"{counted(lag, 'record')} of {topic} not applied yet"),
        ("outcomes", f"{_sum(found, 'consumed'):,} consumed = {' + '.join(parts)}"),
        ("difference", "0" if difference == 0 else f"{difference:,}: records without an outcome; this is a bug"),
        ("pending", _pending(over)),
        ("dead letters", f"{over.dead_letters_open:,} open"),
        ("outbox", _outbox(over)),
        ("sizes", f"{about}{_companies(over.companies)}, {counted(over.people, 'person', 'people')}, {groups}"),
    ]
    if over.searches:
        searches, age = counted(over.searches, "search", "searches"), span(_age(over, over.searches_since))
        lines.append(("erasures", f"{searches} of letters under way, the oldest since {age}"))
    if wrong := _sum(found, "wrong_partition"):
        lines.append(("misplaced", f"{counted(wrong, 'record')} on another partition than the key's"))
    return lines


def _pending(over: Overview) -> str:
    if not over.pending_companies:
        return "nothing"
    return (
        f"{counted(over.pending_changes, 'change')} of {_companies(over.pending_companies)}, "
        f"the oldest since {span(_age(over, over.pending_since))}; "
        f"{counted(over.refreshes_due, 'refresh', 'refreshes')} due now, the next at {iso(over.next_due)}"
    )


def _outbox(over: Overview) -> str:
    if not over.outbox_waiting:
        return "0 updates waiting to be published"
    waiting, age = counted(over.outbox_waiting, "update"), span(_age(over, over.outbox_since))
    return f"{waiting} waiting to be published, the oldest since {age}"


def _companies(number: int) -> str:
    return counted(number, "company", "companies")


def _places(found: DatabaseStatus, ends: Ends | None) -> list[_Place]:
    positions = {partition.kafka_partition: partition for partition in found.partitions}
    places = []
    for number in sorted({*positions, *(ends or {})}):
        position, bounds = positions.get(number), (ends or {}).get(number)
        lag = None
        if bounds is not None:
            start, end = bounds
            lag = max(0, end - max(start, position.next_offset if position else 0))
        places.append(_Place(number, position, bounds[1] if bounds else None, lag))
    return places


def _total(places: list[_Place]) -> int | None:
    known = [place.lag for place in places if place.lag is not None]
    return sum(known) if known and len(known) == len(places) else None


def _row(place: _Place, now: int) -> tuple[object, ...]:
    position = place.position
    log_time = position.log_time if position else None
    age = span(max(0, now - log_time)) if log_time is not None else None
    lag, end = _number(place.lag), _number(place.end)
    return (place.partition, lag, _number(position.next_offset if position else None), end, iso(log_time), age)


def _partition(place: _Place, now: int) -> dict[str, Any]:
    position = place.position
    log_time = position.log_time if position else None
    return {
        "partition": place.partition,
        "lag": place.lag,
        "nextOffset": position.next_offset if position else None,
        "logEnd": place.end,
        "logTime": iso(log_time),
        "ageMs": None if log_time is None else max(0, now - log_time),
    }


def _age(over: Overview, since: int | None) -> int | None:
    return None if since is None else max(0, over.now - since)


def _sum(found: DatabaseStatus, name: str) -> int:
    return sum(getattr(partition, name) for partition in found.partitions)


def _number(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
