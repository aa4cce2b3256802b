"""The Refresh button: a request for a refresh becomes a change like any other, and obeys the same limit."""

import hashlib
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response

from db.errors import DatabaseError
from db.idempotency import Answered, Claimed, IdempotencyKeys, OtherPayload, UnderWay
from ingress.api import asked_of
from ingress.api_input import idempotency_key, parameters, read_model
from ingress.api_models import RefreshAccepted, RefreshRequest
from ingress.api_tokens import Gate, workspace_for
from ingress.body import read_body
from ingress.problems import Problem
from ingress.publisher import NotAcknowledgedError, Publisher
from schemas.events import ChangeType, Company, PersonChange, validate_change

log = structlog.get_logger()

SOURCE: Final = "manual"
MAX_BODY_BYTES: Final = 4096
BODY_SECONDS: Final = 10.0
BUCKET_MS: Final = 10_000
"""Two clicks in the same ten seconds are one change. The borders are fixed in time, so that every process knows them
without asking: two clicks on either side of one are two changes, of which the second is deferred, as any that comes too
soon. Who must be sure sends an Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A refresh that somebody may ask for."""

    token_id: str
    requested_by: str
    company_id: str
    workspace_id: str

    def fingerprint(self) -> bytes:
        """What an Idempotency-Key stands for."""
        return _digest([self.company_id, self.workspace_id]).digest()

    def clicked(self, now: int) -> str:
        """An event id that is the same for two clicks of one button."""
        parts: list[str | int] = [self.token_id, self.company_id, self.workspace_id, now // BUCKET_MS]
        return f"refresh_{_digest(parts).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Refreshes:
    """Takes requests for a refresh.

    Attributes:
        clock: ms UTC.
    """

    gate: Gate
    keys: IdempotencyKeys
    publisher: Publisher
    clock: Callable[[], int]

    async def take(self, request: Request) -> Response:
        """Put the request into the log; 202 once every replica has it."""
        grant = await self.gate.admit(request, "refresh")
        parameters(request)
        key = idempotency_key(request)
        asked = read_model(RefreshRequest, await _body(request))
        workspace = workspace_for(grant, asked.workspace_id)
        wanted = _Wanted(grant.token_id, grant.name, asked.company_id, workspace)
        if key is None:
            return _accepted(await self._publish(wanted, wanted.clicked(self.clock())))
        return await self._once(wanted, key)

    async def _once(self, wanted: _Wanted, key: str) -> Response:
        """What a key stands for, however often it comes."""
        event_id = f"refresh_{uuid.uuid4().hex}"
        claim = await asked_of(self.keys.claim(wanted.token_id, key, wanted.fingerprint(), event_id))
        match claim:
            case Claimed():
                return await self._first(wanted, key, claim)
            case Answered(answer):
                return _accepted(answer, replayed=True)
            case UnderWay():
                raise Problem("under-way", "its answer is not there yet; ask again in 1 s", {"retry-after": "1"})
            case OtherPayload():
                raise Problem("key-reused", "it came with another company or workspace before; take a new key")

    async def _first(self, wanted: _Wanted, key: str, claim: Claimed) -> Response:
        """The first request with a key: its answer is kept, unless it failed."""
        try:
            answer = await self._publish(wanted, claim.event_id)
        except BaseException:
            with suppress(DatabaseError):  # the lease ends by itself
                await self.keys.release(wanted.token_id, key, claim)
            raise
        try:
            await self.keys.answer(wanted.token_id, key, claim, answer)
        except DatabaseError as error:
            # The log has the change. Who repeats the request publishes the same event, which has one effect.
            log.warning("the answer to an Idempotency-Key could not be kept", why=str(error))
        return _accepted(answer)

    async def _publish(self, wanted: _Wanted, event_id: str) -> str:
        """The body of the answer, once the log has the change."""
        now = self.clock()
        change = PersonChange(
            event_id=event_id,
            source=SOURCE,
            type=ChangeType.REFRESH_REQUESTED,
            occurred_at=now,
            received_at=now,
            company=Company(wanted.company_id),
            workspace_id=wanted.workspace_id,
            requested_by=wanted.requested_by,
        )
        try:
            await self.publisher.publish([validate_change(change)])
        except NotAcknowledgedError as error:
            log.warning("a refresh could not be requested; who asked was told to ask again", why=str(error))
            raise Problem("not-acknowledged", f"{error}; send it again") from None
        outcome = f"/api/v1/events/{SOURCE}/{quote(event_id, safe='')}"
        return RefreshAccepted(status="enqueued", event_id=event_id, outcome=outcome).model_dump_json(by_alias=True)


async def _body(request: Request) -> bytes:
    return await read_body(request.scope, request.receive, MAX_BODY_BYTES, BODY_SECONDS)


def _accepted(body: str, *, replayed: bool = False) -> Response:
    headers = {"location": json.loads(body)["outcome"]}
    if replayed:
        headers["idempotency-replayed"] = "true"
    return Response(body, 202, headers, "application/json")


def _digest(parts: list[str | int]) -> "hashlib._Hash":
    return hashlib.sha256(json.dumps(parts).encode())
