"""What users ask for, a refresh or a role of somebody: a change like any other, which obeys the same limit."""

import hashlib
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response

from db.errors import DatabaseError
from db.idempotency import Answered, Claimed, IdempotencyKeys, OtherPayload, UnderWay
from db.tokens import Grant
from ingress.api import asked_of
from ingress.api_input import idempotency_key, parameters, read_model
from ingress.api_models import RefreshAccepted, RefreshRequest, RoleRequest
from ingress.api_tokens import Gate, workspace_for
from ingress.body import read_body
from ingress.problems import Problem
from ingress.publisher import NotAcknowledgedError, Publisher
from schemas.events import ChangeType, Company, Person, PersonChange, validate_change

log = structlog.get_logger()

M = TypeVar("M", RefreshRequest, RoleRequest)

SOURCE: Final = "manual"
MAX_BODY_BYTES: Final = 4096
BODY_SECONDS: Final = 10.0
BUCKET_MS: Final = 10_000
"""Two clicks in the same ten seconds are one change. The borders are fixed in time, so that every process knows them
without asking: two clicks on either side of one are two changes, of which the second is deferred, as any that comes too
soon. Who must be sure sends an Idempotency-Key."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What somebody asks for: a refresh, or a role of a person.

    Attributes:
        person_id: None asks for a refresh.
        role: None of a person takes back what was chosen.
    """

    token_id: str
    requested_by: str
    company_id: str
    workspace_id: str
    person_id: str | None = None
    role: str | None = None

    def fingerprint(self) -> bytes:
        """What an Idempotency-Key stands for."""
        about = [] if self.person_id is None else [self.person_id, self.role]
        return _digest([self.company_id, self.workspace_id, *about]).digest()

    def clicked(self, now: int) -> str:
        """An event id that is the same for two clicks of the Refresh button.

        A role that is set, changed and set again within a moment is three choices, so there each click is its own.
        """
        if self.person_id is not None:
            return self.once()
        parts: list[str | int | None] = [self.token_id, self.company_id, self.workspace_id, now // BUCKET_MS]
        return f"refresh_{_digest(parts).hexdigest()[:32]}"

    def once(self) -> str:
        """An event id that nobody else has."""
        return f"{'refresh' if self.person_id is None else 'role'}_{uuid.uuid4().hex}"

    def change(self, event_id: str, now: int) -> PersonChange:
        """The change that the log takes."""
        return PersonChange(
            event_id=event_id,
            source=SOURCE,
            type=ChangeType.REFRESH_REQUESTED if self.person_id is None else ChangeType.ROLE_SET,
            occurred_at=now,
            received_at=now,
            company=Company(self.company_id),
            person=None if self.person_id is None else Person(self.person_id),
            workspace_id=self.workspace_id,
            requested_by=self.requested_by,
            role=self.role,
        )


@dataclass(frozen=True, slots=True)
class Refreshes:
    """Takes what users ask for.

    Attributes:
        clock: ms UTC.
    """

    gate: Gate
    keys: IdempotencyKeys
    publisher: Publisher
    clock: Callable[[], int]

    async def take(self, request: Request) -> Response:
        """Put a request for a refresh into the log; 202 once every replica has it."""
        grant, key, asked = await self._asked(request, RefreshRequest)
        workspace = workspace_for(grant, asked.workspace_id)
        return await self._put(_Wanted(grant.token_id, grant.name, asked.company_id, workspace), key)

    async def take_role(self, request: Request) -> Response:
        """Put a user's choice of role into the log; 202 once every replica has it."""
        grant, key, asked = await self._asked(request, RoleRequest)
        workspace = workspace_for(grant, asked.workspace_id)
        about = (asked.company_id, workspace, asked.person_id, asked.role)
        return await self._put(_Wanted(grant.token_id, grant.name, *about), key)

    async def _asked(self, request: Request, kind: type[M]) -> tuple[Grant, str | None, M]:
        """Who asks, their key, and what for."""
        grant = await self.gate.admit(request, "refresh")
        parameters(request)
        key = idempotency_key(request)
        return grant, key, read_model(kind, await _body(request))

    async def _put(self, wanted: _Wanted, key: str | None) -> Response:
        if key is None:
            return _accepted(await self._publish(wanted, wanted.clicked(self.clock())))
        return await self._once(wanted, key)

    async def _once(self, wanted: _Wanted, key: str) -> Response:
        """What a key stands for, however often it comes."""
        claim = await asked_of(self.keys.claim(wanted.token_id, key, wanted.fingerprint(), wanted.once()))
        match claim:
            case Claimed():
                return await self._first(wanted, key, claim)
            case Answered(answer):
                return _accepted(answer, replayed=True)
            case UnderWay():
                raise Problem("under-way", "its answer is not there yet; ask again in 1 s", {"retry-after": "1"})
            case OtherPayload():
                raise Problem(
                    "key-reused", "it came with another company, workspace, person or role before; take a new key"
                )

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
        try:
            await self.publisher.publish([validate_change(wanted.change(event_id, self.clock()))])
        except NotAcknowledgedError as error:
            log.warning("a request could not be stored; who asked was told to ask again", why=str(error))
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


def _digest(parts: list[str | int | None]) -> "hashlib._Hash":
    return hashlib.sha256(json.dumps(parts).encode())
