"""Which changes had their effect before: asked in batches, and never waited for long.

This is a courtesy to senders, who are told `already_processed`. It fails open, because the consumer's own check, in the
transaction of the effects, is the one that counts (law L2).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import structlog

from db.errors import DatabaseError
from db.rows import EventKey
from schemas.events import PersonChange

log = structlog.get_logger()

BATCH: Final = 1000
REST_SECONDS: Final = 5.0
"""After a failure nobody asks for so long: a database that is away must not slow down every webhook."""

KnownEvents = Callable[[Collection[EventKey]], Awaitable[set[EventKey]]]


class Lookup:
    """One query at a time; what arrives meanwhile shares the next one.

    Args:
        known_events: the query.
        seconds: how long a webhook waits for it.
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
        self._waiting: dict[EventKey, asyncio.Future[bool]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._rest_until = clock()

    async def all_known(self, changes: Sequence[PersonChange]) -> bool:
        """Whether every one of these changes had its effect; False when that cannot be told quickly."""
        if self._clock() < self._rest_until:
            return False
        answers = [self._ask(EventKey(change.company.id, change.source, change.event_id)) for change in changes]
        done, late = await asyncio.wait(answers, timeout=self._seconds)
        if late:
            self._rest("the database did not answer in time")
            return False
        return all(answer.result() for answer in done)

    def _ask(self, key: EventKey) -> "asyncio.Future[bool]":
        if (answer := self._waiting.get(key)) is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._asking is None:
            self._asking = asyncio.create_task(self._answer_all())
        return answer

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:BATCH]
                batch = {key: self._waiting.pop(key) for key in keys}
                known = await self._query(batch)
                for key, answer in batch.items():
                    answer.set_result(key in known)
        finally:
            self._asking = None

    async def _query(self, keys: Collection[EventKey]) -> set[EventKey]:
        try:
            return await self._known_events(keys)
        except DatabaseError as error:
            self._rest(str(error))
            return set()

    def _rest(self, why: str) -> None:
        if self._clock() >= self._rest_until:
            log.warning("duplicates cannot be looked up for a while; changes are published unseen", why=why)
        self._rest_until = self._clock() + REST_SECONDS
        self._on_failure()
