"""Senders that sign nothing: those that show a token, and those that prove nothing at all."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingress.signatures import NO_SCOPE, Scope, SignatureError
from ingress.signatures.keys import Key, active
from ingress.signatures.scheme import Scheme, TokenPlace
from ingress.signatures.signed import INACTIVE

UNSIGNED: Final = "none"
"""How the metrics name what was taken without a proof."""
PATH_PARAMETER: Final = "token"
"""The path parameter in which a route leaves the token."""

Find = Callable[[Mapping[bytes, bytes], Scope], bytes]
"""What is shown in one place; empty when nothing is."""


@dataclass(frozen=True, slots=True)
class Token:
    """Compares what the sender shows with every token that counts.

    Attributes:
        keys: whose values are SHA-256 digests of the tokens, so that comparing tells nothing of their lengths.
        places: where it may stand, and the words for it.
    """

    keys: tuple[Key, ...]
    places: tuple[tuple[str, Find], ...]

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int, scope: Scope = NO_SCOPE) -> str:  # noqa: ARG002  # what is in the body proves nothing
        """See `Verifier`."""
        shown = next((found for _, find in self.places if (found := find(headers, scope))), None)
        if shown is None:
            raise SignatureError("missing", f"no token is shown in {' or '.join(words for words, _ in self.places)}")
        keys = active(self.keys, now)
        if not keys:
            raise SignatureError("inactive", INACTIVE)
        digest = hashlib.sha256(shown).digest()
        # All keys, even after a match: how long it takes does not tell which one it is.
        proven = [key.name for key in keys if hmac.compare_digest(digest, key.value)]
        if not proven:
            raise SignatureError("mismatch", "the token shown is none of this source's")
        return proven[0]

    def describe(self) -> dict[str, Any]:
        """See `Verifier`."""
        return {"scheme": "token", "places": [words for words, _ in self.places]}


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Takes everything, because somebody said so."""

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int, scope: Scope = NO_SCOPE) -> str:  # noqa: ARG002  # nothing is asked for
        """See `Verifier`."""
        return UNSIGNED

    def describe(self) -> dict[str, Any]:
        """See `Verifier`."""
        return {"scheme": "none"}


def token(scheme: Scheme, keys: tuple[Key, ...]) -> Token:
    """Compiles a scheme of mode token."""
    hashed = tuple(
        Key(key.name, hashlib.sha256(key.value).digest(), key.not_before, key.not_after, key.application)
        for key in keys
    )
    return Token(hashed, tuple((_words(place), _finder(place)) for place in scheme.tokens))


def _words(place: TokenPlace) -> str:
    if place.header is not None:
        return f"the header {place.header}" + (f" after {place.prefix.strip()}" if place.prefix else "")
    return f"the URL's parameter {place.query}" if place.query is not None else "the URL's path, after the source"


def _finder(place: TokenPlace) -> Find:
    if place.header is not None:
        return _in_header(place.header.encode(), place.prefix.encode())
    if place.query is not None:
        return _in_query(place.query.encode())
    return _in_path


def _in_header(name: bytes, prefix: bytes) -> Find:
    def find(headers: Mapping[bytes, bytes], _: Scope) -> bytes:
        value = headers.get(name, b"")
        # The names of authentication schemes are of either case (RFC 9110).
        return value[len(prefix) :].strip() if value[: len(prefix)].lower() == prefix.lower() else b""

    return find


def _in_query(name: bytes) -> Find:
    def find(_: Mapping[bytes, bytes], scope: Scope) -> bytes:
        pairs = (pair.partition(b"=") for pair in scope.get("query_string", b"").split(b"&"))
        return next((value for key, _, value in pairs if key == name), b"")

    return find


def _in_path(_: Mapping[bytes, bytes], scope: Scope) -> bytes:
    return str(scope.get("path_params", {}).get(PATH_PARAMETER, "")).encode("utf-8", "replace")
