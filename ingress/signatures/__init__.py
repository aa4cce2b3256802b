"""Ways in which senders prove who they are: a scheme is data, compiled once into a `Verifier`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

Scope = Mapping[str, Any]
"""A request's ASGI scope: where a scheme finds the method, the URL and what stands in it."""
NO_SCOPE: Final[Scope] = MappingProxyType({})


class SignatureError(Exception):
    """A request that proves nothing.

    Attributes:
        reason: a short name for the metrics: missing, malformed, expired, ahead, mismatch or inactive.
        detail: what is wrong with which header, for the sender; never what would have been right.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Verifier(Protocol):
    """One scheme with one source's secrets."""

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int, scope: Scope = NO_SCOPE) -> str:
        """Hold a request against the scheme.

        Args:
            headers: by lower-case name, as they came.
            body: the raw bytes; nothing was parsed yet.
            now: ms UTC.
            scope: the rest of the request.

        Returns:
            By which secret it was proven, as the configuration refers to it; never the secret.

        Raises:
            SignatureError: names the header and what is wrong with it.
        """

    def describe(self) -> dict[str, Any]:
        """The scheme in JSON, for senders."""


def required(headers: Mapping[bytes, bytes], name: bytes) -> bytes:
    """A header's value.

    Raises:
        SignatureError: it is absent or empty.
    """
    value = headers.get(name)
    if not value:
        raise SignatureError("missing", f"the header {name.decode('ascii')} is missing")
    return value
