"""Payloads as providers send them, read into changes and hints; one module a payload, all behind `Adapter`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.events import PersonChange
from schemas.hints import PersonHint


@dataclass(frozen=True, slots=True)
class Skipped:
    """An authentic payload that changes no buyer group; the reason is for the sender."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a payload says: of people at companies, and of people whose companies it does not name; not nothing."""

    changes: tuple[PersonChange, ...] = ()
    hints: tuple[PersonHint, ...] = ()


Adapter = Callable[[Any, int, str | None], list[PersonChange] | Found | Skipped]
"""Parsed JSON, time of receipt (ms UTC) and the configured source's name (None: the payload's own) to the records of
the payload, one a company or, in a hint, one a person; raises InvalidChangeError for anything else. A bare list is a
payload of changes only."""
