"""Ways in which senders prove who they are; one module a scheme, all behind `Verifier`."""

from collections.abc import Mapping
from typing import Any, Protocol


class SignatureError(Exception):
    """A request that proves nothing.

    Attributes:
        reason: a short name for the metrics: missing, malformed, expired, ahead or mismatch.
        detail: what is wrong with which header, for the sender; never what would have been right.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Verifier(Protocol):
    """One scheme with one source's secrets."""

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int) -> None:
        """Hold a request against the scheme.

        Args:
            headers: by lower-case name, as they came.
            body: the raw bytes; nothing was parsed yet.
            now: ms UTC.

        Raises:
            SignatureError: names the header and what is wrong with it.
        """

    def describe(self) -> dict[str, Any]:
        """The scheme in JSON, for senders."""
