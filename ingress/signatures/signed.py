"""Verifies what a sender signed: any HMAC or Ed25519 scheme, with every key that counts."""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hmac import HMAC

from ingress.signatures import NO_SCOPE, Scope, SignatureError
from ingress.signatures.keys import Key
from ingress.signatures.message import (
    Template,
    described,
    signed_parts,
    template_of,
    timestamp_name,
    timestamp_reader,
)
from ingress.signatures.places import Decode, Extract, decoder, extractor, form_of
from ingress.signatures.scheme import Scheme
from ingress.signatures.window import Window

INACTIVE: Final = "no secret of this source counts at this time; those who run this server must give it one"

Prove = Callable[[bytes, list[bytes]], bool]
"""Whether one of the signatures is a key's, for the message."""
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303  # what some providers sign with; an HMAC with it is not broken
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """One scheme, compiled, with one source's keys.

    Attributes:
        proofs: what each of the keys proves.
        bounded: some key counts only at some times.
        mismatch: what a sender is told whose signature is another one.
    """

    scheme: Scheme
    proofs: tuple[tuple[Key, Prove], ...]
    bounded: bool
    extract: Extract
    decode: Decode
    timestamp: Callable[[Mapping[bytes, bytes]], bytes]
    window: Window | None
    template: Template
    malformed: str
    mismatch: str

    def verify(self, headers: Mapping[bytes, bytes], body: bytes, now: int, scope: Scope = NO_SCOPE) -> str:
        """See `Verifier`."""
        timestamp = self.timestamp(headers)
        written = self.extract(headers)
        if self.window is not None:
            self.window.check(timestamp, now)
        signatures = list(filter(None, map(self.decode, written)))
        if not signatures:
            raise SignatureError("malformed", self.malformed)
        message = self.template.fill(headers, body, timestamp, scope)
        proofs = [proof for proof in self.proofs if proof[0].counts(now)] if self.bounded else self.proofs
        if not proofs:
            raise SignatureError("inactive", INACTIVE)
        # All keys, even after a match: how long it takes does not tell which one signed.
        proven = [key.name for key, prove in proofs if prove(message, signatures)]
        if not proven:
            raise SignatureError("mismatch", self.mismatch)
        return proven[0]

    def describe(self) -> dict[str, Any]:
        """See `Verifier`."""
        return {
            "scheme": _algorithm(self.scheme),
            "signedBytes": described(self.scheme),
            "encoding": self.scheme.encoding,
            **_described_window(self.window),
            "headers": _described_headers(self.scheme, self.window),
        }


def signed(scheme: Scheme, keys: tuple[Key, ...], max_age_ms: int, max_ahead_ms: int, public_url: str = "") -> Signed:
    """Compiles a scheme of mode hmac or ed25519; nothing of it is read again at a request.

    Args:
        scheme: what is signed, and where the signature stands.
        keys: any of them may have signed.
        max_age_ms: how old a signature may be, if it has a time.
        max_ahead_ms: how far the sender's clock may be ahead.
        public_url: how senders reach this server; for schemes that sign the URL.
    """
    assert scheme.signature is not None  # noqa: S101  # the scheme's own check
    header, place = scheme.signature.header, scheme.timestamp
    window = Window(timestamp_name(scheme), place.unit, max_age_ms, max_ahead_ms) if place else None
    return Signed(
        scheme=scheme,
        proofs=tuple((key, _ed25519(key) if scheme.mode == "ed25519" else _hmac(key, scheme.digest)) for key in keys),
        bounded=any(key.not_before is not None or key.not_after is not None for key in keys),
        extract=extractor(scheme.signature),
        decode=decoder(scheme),
        timestamp=timestamp_reader(scheme),
        window=window,
        template=template_of(scheme, public_url),
        malformed=f"{header} is not {form_of(scheme)}",
        mismatch=f"{header} does not fit {signed_parts(scheme)}",
    )


def _hmac(key: Key, digest: str) -> Prove:
    keyed = HMAC(key.value, _HASHES[digest])  # once: beginning with the key is more than half of a small message

    def prove(message: bytes, signatures: list[bytes]) -> bool:
        code = keyed.copy()
        code.update(message)
        matches = map(hmac.compare_digest, repeat(code.finalize()), signatures)
        return any(list(matches))  # each of them, even after a match

    return prove


def _ed25519(key: Key) -> Prove:
    public = Ed25519PublicKey.from_public_bytes(key.value)

    def prove(message: bytes, signatures: list[bytes]) -> bool:
        return any(_signed_by(public, signature, message) for signature in signatures)

    return prove


def _signed_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _algorithm(scheme: Scheme) -> str:
    return "Ed25519" if scheme.mode == "ed25519" else f"HMAC-{scheme.digest.upper()}"


def _described_window(window: Window | None) -> dict[str, Any]:
    if window is None:
        return {}
    return {"maxAgeSeconds": window.max_age_ms / 1000, "maxAheadSeconds": window.max_ahead_ms / 1000}


def _described_headers(scheme: Scheme, window: Window | None) -> dict[str, str]:
    assert scheme.signature is not None  # noqa: S101  # the scheme's own check
    place = scheme.signature
    keyed = "by the sender's private key" if scheme.mode == "ed25519" else "keyed with the shared secret"
    what = f"{scheme.encoding} {_algorithm(scheme)} of the signed bytes, {keyed}"
    if place.grammar == "pairs":
        what = f"{place.field}= and the {what}; pairs parted by commas"
    elif place.grammar == "versions":
        what = f"{place.field}, and the {what}; several parted by spaces"
    elif place.prefix and not place.prefix_optional:
        what = f"{place.prefix} and the {what}"
    headers = {place.header: what}
    if scheme.timestamp and window:
        time = window.describe()
        same = scheme.timestamp.header == place.header
        headers[scheme.timestamp.header] = f"{what}; {scheme.timestamp.field}= and the {time}" if same else time
    if scheme.id:
        headers[scheme.id] = "id of the delivery, the same when it is sent again"
    return headers
