"""Which changes had their effect before: asked in batches, and never waited for long.

This is a courtesy to senders, who are told `already_processed`. It fails open, because the consumer's own check, in the
transaction of the effects, is the one that counts (law L2).
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import structlog

from db.errors import DatabaseError
from db.rows import EventKey
from schemas.events import PersonChange

log = structlog.get_logger()

BATCH: Final = 1000
GATHER_SECONDS: Final = 0.002
"""From one query to the next: under load a query costs more than all that is asked by it."""
REST_SECONDS: Final = 5.0
"""After a failure nobody asks for so long: a database that is away must not slow down every webhook."""

KnownEvents = Callable[[Collection[EventKey]], Coroutine[None, None, set[EventKey]]]
Told = Callable[[bool], object]


@dataclass(slots=True)
class _Every:
    """Tells once of several changes: True when all are known, False with the first that is not.

    Attributes:
        left: how many answers are missing; 0 when it was told.
    """

    left: int
    told: Told

    def __call__(self, known: bool) -> None:
        """One more answer."""
        if self.left:
            self.left = self.left - 1 if known else 0
            if self.left == 0:
                self.told(known)


class Lookup:
    """One query at a time; what arrives meanwhile shares the next one.

    Args:
        known_events: the query.
        seconds: how long a query may take; a webhook waits for its own, and at most one before it.
        on_failure: told when a query fails.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        known_events: KnownEvents,
        seconds: float,
        on_failure: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known_events, self._seconds, self._on_failure, self._clock = known_events, seconds, on_failure, clock
        self._waiting: dict[EventKey, list[Told]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._rest_until = clock()
        self._last_query = 0.0

    def ask(self, changes: Sequence[PersonChange], told: Told) -> None:
        """Find out whether every one of these changes had its effect; False when that cannot be told quickly.

        Args:
            changes: at least one.
            told: called once with the answer, now or later; must not raise.
        """
        if self._resting():
            told(False)  # noqa: FBT003  # what `Told` takes
            return
        if len(changes) > 1:
            told = _Every(len(changes), told)
        for change in changes:
            key = EventKey(change.company.id, change.source, change.event_id)
            self._waiting.setdefault(key, []).append(told)
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer_all())

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                keys = list(islice(self._waiting, BATCH))
                batch = {key: self._waiting.pop(key) for key in keys}
                known = set() if self._resting() else await self._query(keys)
                for key, askers in batch.items():
                    for told in askers:
                        told(key in known)
        finally:
            self._asking = None

    async def _gather(self) -> None:
        """Let more askers come unless the last query is some time ago: who is alone is answered at once."""
        now = asyncio.get_running_loop().time()
        if (early := self._last_query + GATHER_SECONDS - now) > 0:
            await asyncio.sleep(early)
        self._last_query = max(now, self._last_query + GATHER_SECONDS)

    async def _query(self, keys: Collection[EventKey]) -> set[EventKey]:
        query = asyncio.ensure_future(self._known_events(keys))
        done, _ = await asyncio.wait([query], timeout=self._seconds)
        if not done:
            query.add_done_callback(_ignored)  # cancelling it would wait for the database too
            self._rest("the database did not answer in time")
            return set()
        try:
            return query.result()
        except Exception as error:  # noqa: BLE001  # whoever asked must be told, or their webhook stays open for ever
            self._rest(str(error) if isinstance(error, DatabaseError) else f"{type(error).__name__}: {error}")
            return set()

    def _resting(self) -> bool:
        return self._clock() < self._rest_until

    def _rest(self, why: str) -> None:
        log.warning("duplicates cannot be looked up for a while; changes are published unseen", why=why)
        self._rest_until = self._clock() + REST_SECONDS
        self._on_failure()


def _ignored(query: "asyncio.Future[set[EventKey]]") -> None:
    """Look at what nobody waits for, or asyncio complains."""
    if not query.cancelled():
        query.exception()
