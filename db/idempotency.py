"""Requests with an Idempotency-Key: who is first, and what the first was answered (draft-ietf-httpapi-idempotency-key).

A key is held by a lease while its request is under way. A process that dies leaves the lease behind, which ends by
itself; whoever then repeats the request gets the event id of the first try, so that what was published twice has one
effect (law L2).
"""

from dataclasses import dataclass
from typing import Any, Final

from db.pool import Pool
from db.sql import load

KEEP_SECONDS: Final = 24 * 3600.0
"""How long an answer is repeated."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is ours: do the work, as this event."""

    event_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The work was done; this was the answer."""

    answer: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Somebody is at it."""


@dataclass(frozen=True, slots=True)
class OtherPayload:
    """The key was used for another request."""


Claim = Claimed | Answered | UnderWay | OtherPayload


class IdempotencyKeys:
    """The keys of all tokens.

    Args:
        pool: where they are kept.
        lease_seconds: a request that takes longer has died.
        keep_seconds: how long an answer is repeated.
    """

    def __init__(self, pool: Pool, lease_seconds: float, keep_seconds: float = KEEP_SECONDS) -> None:
        self._pool, self._lease, self._keep = pool, lease_seconds, keep_seconds
        self._sql = load("idempotency")

    async def claim(self, token_id: str, key: str, fingerprint: bytes, event_id: str) -> Claim:
        """Take a key, or learn what it was used for.

        Args:
            token_id: whose key it is.
            key: as it was sent.
            fingerprint: digest of the payload.
            event_id: of the event that the request will publish, if it is the first.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        place = {"token_id": token_id, "key": key}
        await self._pool.run(self._sql["forget"], {})
        wanted = {**place, "fingerprint": fingerprint, "event_id": event_id, "lease": self._lease, "keep": self._keep}
        if rows := await self._pool.rows(self._sql["claim"], wanted):
            return Claimed(rows[0][0])
        for found, answer in await self._pool.rows(self._sql["look"], place):
            if found != fingerprint:
                return OtherPayload()
            return UnderWay() if answer is None else Answered(answer)
        return UnderWay()  # it was there and has expired in between; whoever asks again gets it

    async def answer(self, token_id: str, key: str, claimed: Claimed, answer: str) -> None:
        """Keep what was answered.

        Raises:
            RetryableDatabaseError: the database is away; the lease ends by itself.
        """
        await self._update("answer", token_id, key, claimed, answer=answer)

    async def release(self, token_id: str, key: str, claimed: Claimed) -> None:
        """The work failed; let it be tried again at once.

        Raises:
            RetryableDatabaseError: the database is away; the lease ends by itself.
        """
        await self._update("release", token_id, key, claimed)

    async def _update(self, query: str, token_id: str, key: str, claimed: Claimed, **more: Any) -> None:
        place = {"token_id": token_id, "key": key, "event_id": claimed.event_id}
        await self._pool.run(self._sql[query], place | more)
