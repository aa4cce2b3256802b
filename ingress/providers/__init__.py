"""Payloads as providers send them, read into changes; one module a payload, all behind `Adapter`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schemas.events import PersonChange


@dataclass(frozen=True, slots=True)
class Skipped:
    """An authentic payload that changes no buyer group; the reason is for the sender."""

    reason: str


Adapter = Callable[[Any, int, str | None], list[PersonChange] | Skipped]
"""Parsed JSON, time of receipt (ms UTC) and the configured source's name (None: the payload's own) to the records of
the payload, one a company; raises InvalidChangeError for anything else."""
