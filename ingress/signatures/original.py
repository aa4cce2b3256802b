"""The original's scheme: `x-signature` is the hex HMAC-SHA256 of `timestamp + "." + body`, `x-timestamp` is in ms."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingress.signatures import SignatureError

SIGNATURE_HEADER: Final = "x-signature"
TIMESTAMP_HEADER: Final = "x-timestamp"
_SIGNATURE: Final = re.compile(rb"[0-9a-fA-F]{64}")
_TIMESTAMP: Final = re.compile(rb"[0-9]{1,15}")
_EARLIEST_MS: Final = 100_000_000_000
"""March 1973; as seconds, the year 5138: a smaller number is no time in ms that anybody means."""


@dataclass(frozen=True, slots=True)
class TimestampedHex:
    """Verifies the scheme with every active secret.

    Attributes:
        secrets: HMAC keys; any of them may have signed.
        max_age_ms: how old a signature may be.
        max_ahead_ms: how far the sender's clock may be ahead; less than the age, so that what was captured cannot be
            used for twice as long.
    """

    secrets: tuple[bytes, ...]
    max_age_ms: int
    max_ahead_ms: int

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int) -> None:
        """See `Verifier`."""
        timestamp = _required(headers, TIMESTAMP_HEADER)
        signature = _required(headers, SIGNATURE_HEADER)
        self._check_window(_milliseconds(timestamp), now)
        if not _SIGNATURE.fullmatch(signature):
            raise SignatureError("malformed", f"{SIGNATURE_HEADER} is not 64 hexadecimal digits")
        if not self._signed(timestamp + b"." + body, bytes.fromhex(signature.decode("ascii"))):
            raise SignatureError("mismatch", f"{SIGNATURE_HEADER} does not fit the body and {TIMESTAMP_HEADER}")

    def describe(self) -> dict[str, Any]:
        """See `Verifier`."""
        return {
            "scheme": "HMAC-SHA256",
            "signedBytes": 'x-timestamp + "." + body',
            "encoding": "hex",
            "maxAgeSeconds": self.max_age_ms / 1000,
            "maxAheadSeconds": self.max_ahead_ms / 1000,
            "headers": {
                SIGNATURE_HEADER: "hex HMAC-SHA256 of the signed bytes, keyed with the shared secret",
                TIMESTAMP_HEADER: "time of the request, ms since 1970-01-01 UTC",
            },
        }

    def _check_window(self, signed_at: int, now: int) -> None:
        if now - signed_at > self.max_age_ms:
            raise SignatureError("expired", f"{TIMESTAMP_HEADER} is more than {self.max_age_ms / 1000:g} s old")
        if signed_at - now > self.max_ahead_ms:
            raise SignatureError("ahead", f"{TIMESTAMP_HEADER} is more than {self.max_ahead_ms / 1000:g} s ahead")

    def _signed(self, message: bytes, signature: bytes) -> bool:
        # All secrets, even after a match: how long it takes does not tell which one signed.
        matches = [hmac.compare_digest(hmac.digest(secret, message, "sha256"), signature) for secret in self.secrets]
        return any(matches)


def _required(headers: Mapping[bytes, bytes], name: str) -> bytes:
    value = headers.get(name.encode("ascii"))
    if not value:
        raise SignatureError("missing", f"the header {name} is missing")
    return value


def _milliseconds(value: bytes) -> int:
    if not _TIMESTAMP.fullmatch(value):
        raise SignatureError("malformed", f"{TIMESTAMP_HEADER} is not a whole number of milliseconds since 1970")
    if (number := int(value)) < _EARLIEST_MS:
        raise SignatureError("malformed", f"{TIMESTAMP_HEADER} must be in milliseconds since 1970, not in seconds")
    return number
