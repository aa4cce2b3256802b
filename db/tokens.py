"""Tokens of the API: made, listed and revoked by operators, looked up by the HTTP side.

A token is 256 random bits, shown once. What is stored is its SHA-256, and that is enough: a slow, salted hash (bcrypt,
scrypt, argon2) is for passwords, which people choose and attackers guess. Nobody guesses 256 random bits, so a fast
hash gives nothing away, and it can be looked up by an index on every request. Looking up by hash also means that how
long it takes tells nothing about the token: who changes one letter gets an unrelated hash.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from db.errors import translated
from db.pool import CONNECT_TIMEOUT_S, Pool
from db.sql import load

SCOPES: Final = ("read", "refresh", "operate")
"""read: groups and outcomes; refresh: ask for a refresh; operate: what operators do."""
_FORM: Final = re.compile(r"pc_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token, without what opens doors.

    Attributes:
        workspace_id: the one workspace that it is for; None is all of them.
        created_at: ms UTC.
        revoked_at: ms UTC; None while it counts.
    """

    token_id: str
    name: str
    scopes: tuple[str, ...]
    workspace_id: str | None
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a valid token allows.

    Attributes:
        token_hash: what was looked up, for a comparison in constant time.
        workspace_id: the one workspace; None is all of them.
    """

    token_hash: bytes
    token_id: str
    name: str
    scopes: frozenset[str]
    workspace_id: str | None


def hash_token(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def has_token_form(text: str) -> bool:
    """Whether a text can be a token of ours at all; one that cannot needs no look-up."""
    return _FORM.fullmatch(text) is not None


def create_token(
    database_url: str, name: str, scopes: Iterable[str], workspace_id: str | None
) -> tuple[TokenView, str]:
    """Make a token.

    Args:
        database_url: libpq URI.
        name: for people, who will wonder in a year what it is for.
        scopes: some of `SCOPES`.
        workspace_id: the one workspace that it is for; None is all of them.

    Returns:
        What `token list` shows, and the token itself, which nothing else will ever show.
    """
    token = f"pc_{secrets.token_urlsafe(32)}"
    row = {
        "token_id": secrets.token_hex(6),
        "token_hash": hash_token(token),
        "name": name,
        "scopes": [scope for scope in SCOPES if scope in set(scopes)],
        "workspace_id": workspace_id,
    }
    return _views(database_url, "create_token", row)[0], token


def list_tokens(database_url: str) -> list[TokenView]:
    """All tokens, the latest first."""
    return _views(database_url, "list_tokens", {})


def revoke_token(database_url: str, token_id: str) -> TokenView | None:
    """Let a token count no more; None when there is none with this id."""
    return next(iter(_views(database_url, "revoke_token", {"token_id": token_id})), None)


class Tokens:
    """Looks tokens up."""

    def __init__(self, pool: Pool) -> None:
        self._pool, self._sql = pool, load("tokens")

    async def find(self, token_hash: bytes) -> Grant | None:
        """What the token with this hash allows; None when there is none, or no more.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        rows = await self._pool.rows(self._sql["find_token"], {"token_hash": token_hash})
        return next((Grant(h, i, name, frozenset(scopes), w) for h, i, name, scopes, w in rows), None)


def _views(database_url: str, query: str, parameters: dict[str, Any]) -> list[TokenView]:
    with (
        translated(),
        psycopg.connect(database_url, connect_timeout=CONNECT_TIMEOUT_S, autocommit=True) as connection,
    ):
        rows = connection.execute(load("tokens")[query], parameters).fetchall()
    return [TokenView(i, name, tuple(scopes), *rest) for i, name, scopes, *rest in rows]
