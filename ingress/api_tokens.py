"""Who is asking, and whether they may: bearer tokens with scopes, each for one workspace or for all."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request

from db.errors import DatabaseError
from db.tokens import SCOPES, Grant, has_token_form, hash_token
from ingress.problems import Problem
from ingress.rates import Rates

DEFAULT_WORKSPACE: Final = "default"
REMEMBERED_SECONDS: Final = 5.0
"""How long an answer about a token is good for; a revocation counts everywhere after at most so long."""
REMEMBERED_TOKENS: Final = 1024
ENVIRONMENT: Final = "environment"
"""Id and name of the token in API_TOKEN."""

Find = Callable[[bytes], Awaitable[Grant | None]]


class Gate:
    """Lets those through who show a token that allows what they ask.

    Args:
        find: looks up a token of the database by its hash.
        environment: API_TOKEN, which allows everything; None when it is not set.
        rates: how often each token may ask.
        clock: seconds, monotonic.
    """

    def __init__(
        self, find: Find, environment: str | None, rates: Rates, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._find, self._rates, self._clock = find, rates, clock
        self._environment = None if environment is None else _environment_grant(environment)
        self._remembered: OrderedDict[bytes, tuple[float, Grant | None]] = OrderedDict()

    async def admit(self, request: Request, scope: str) -> Grant:
        """Who asks.

        Raises:
            Problem: no valid token, one without this scope, one that asks too often, or a database that is away.
        """
        grant = await self._grant(_shown(request))
        if grant is None:
            raise _unauthorised()
        self._rates.take(grant.token_id)
        if scope not in grant.scopes:
            raise Problem(
                "scope",
                f"the token {grant.name!r} has the scopes {', '.join(sorted(grant.scopes))}; this needs {scope}",
                {"www-authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
            )
        return grant

    async def _grant(self, token: str) -> Grant | None:
        wanted = hash_token(token)
        if self._environment is not None and hmac.compare_digest(self._environment.token_hash, wanted):
            return self._environment
        if not has_token_form(token):
            return None
        found = await self._recall(wanted)
        return found if found is not None and hmac.compare_digest(found.token_hash, wanted) else None

    async def _recall(self, wanted: bytes) -> Grant | None:
        """Read through: what is remembered, or what the database says now."""
        now = self._clock()
        if (kept := self._remembered.get(wanted)) is not None and now < kept[0]:
            return kept[1]
        try:
            found = await self._find(wanted)
        except DatabaseError:
            raise Problem("database", "the token cannot be looked up; ask again a little later") from None
        self._remembered[wanted] = (now + REMEMBERED_SECONDS, found)
        self._remembered.move_to_end(wanted)
        if len(self._remembered) > REMEMBERED_TOKENS:
            self._remembered.popitem(last=False)
        return found


def workspace_for(grant: Grant, asked: str | None) -> str:
    """The workspace that a request is about: the one it names, else the token's, else `default`.

    Raises:
        Problem: the token is for another one.
    """
    if asked is None:
        return grant.workspace_id or DEFAULT_WORKSPACE
    if grant.workspace_id not in (None, asked):
        raise Problem("scope", f"the token {grant.name!r} is for the workspace {grant.workspace_id} only")
    return asked


def _environment_grant(token: str) -> Grant:
    return Grant(hash_token(token), ENVIRONMENT, ENVIRONMENT, frozenset(SCOPES), None)


def _shown(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not (token := token.strip()):
        raise _unauthorised()
    return token


def _unauthorised() -> Problem:
    detail = (
        "send the header Authorization: Bearer with a token that is valid here: the server's API_TOKEN, or one that "
        "person-changes token create has made"
    )
    return Problem("token", detail, {"www-authenticate": "Bearer"})
