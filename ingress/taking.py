"""A webhook between its head and its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Scope

from ingress.sources import Source
from ingress.whole import Respond
from schemas.events import PersonChange
from schemas.hints import PersonHint


@dataclass(slots=True, eq=False)
class Taking:
    """A webhook under way.

    Attributes:
        headers: by lower-case name, the last of each.
        began: when, by the performance counter.
        respond: sends its answer, and ends it.
        now: its time of receipt, ms UTC.
        payload: what its body says, as JSON.
        changes: the records that it becomes, of people at companies.
        hints: and those of people only.
        answered: it is not under way any more.
    """

    source: Source
    scope: Scope
    headers: Mapping[bytes, bytes]
    began: float
    respond: Respond
    now: int = 0
    payload: Any = None
    changes: Sequence[PersonChange] = ()
    hints: Sequence[PersonHint] = ()
    answered: bool = False
