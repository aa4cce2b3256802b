"""Secrets as keys: decoded as their scheme says, and refused when they cannot be right."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Final

from ingress.signatures.scheme import Mode, Scheme

MIN_TEXT_CHARACTERS: Final = 16
"""Shorter ones can be guessed from one signed request, offline."""
MIN_KEY_BYTES: Final = 24
"""The least that Standard Webhooks allows for random bytes."""
ED25519_BYTES: Final = 32
_PREFIXED: Final = re.compile(r"(?:v1a?,)?wh(?:sec|pk|sk)_")
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9._~-]+")
_HEADER_SAFE: Final = re.compile(r"[!-~]+")


class KeyFormatError(ValueError):
    """A secret that cannot be right; the text says why and what to do, and never shows it."""


@dataclass(frozen=True, slots=True)
class Key:
    """One secret of a source.

    Attributes:
        name: how the configuration refers to it; for metrics and logs.
        value: the bytes that key the HMAC, the public key, or the token.
        not_before: ms UTC from which it counts; None: from ever.
        not_after: ms UTC until which it counts, included; None: for ever.
        application: for providers that ask on behalf of one of several applications.
    """

    name: str
    value: bytes = field(repr=False)
    not_before: int | None = None
    not_after: int | None = None
    application: str | None = None

    def counts(self, now: int) -> bool:
        """Whether it may prove something at this time."""
        return (self.not_before is None or self.not_before <= now) and (self.not_after is None or now <= self.not_after)


def active(keys: tuple[Key, ...], now: int) -> tuple[Key, ...]:
    """The keys that count now."""
    return tuple(key for key in keys if key.counts(now))


def decode_secret(scheme: Scheme, text: str) -> bytes:
    """The key that a secret's text stands for.

    Raises:
        KeyFormatError: it cannot be one of this scheme.
    """
    if not text:
        raise KeyFormatError("is empty: it must hold the secret")
    _check_prefix(scheme, text)
    decoded = _decode(scheme, text)
    _check_strength(scheme.mode, scheme.key.decode, decoded)
    if scheme.mode == "token":
        _check_token(scheme, text)
    return decoded


def _check_prefix(scheme: Scheme, text: str) -> None:
    prefix, found = scheme.key.prefix, _PREFIXED.match(text)
    shown = found[0] if found else ""
    if shown == "whsk_":
        raise KeyFormatError("is a private key (whsk_…), the sender's own: take the public one, whpk_…")
    if prefix and not text.startswith(prefix):
        raise KeyFormatError(f"{_begins(shown)}, not with {prefix}: {_advice(scheme.mode, shown)}")
    if shown and shown != prefix:
        raise KeyFormatError(
            f"begins with {shown}, but this scheme takes a secret of its own form, without such a prefix: "
            "is it another source's, or the preset another one (standard-webhooks, stripe)?"
        )


def _begins(shown: str) -> str:
    return f"begins with {shown}" if shown else "does not begin as it must"


def _advice(mode: Mode, shown: str) -> str:
    if shown == "whpk_" and mode == "hmac":
        return "it is a public key, for a preset whose name ends in -v1a"
    if shown == "whsec_" and mode == "ed25519":
        return "it is a shared secret, for the preset without -v1a"
    if "," in shown:
        return "leave the version and its comma out"
    return "copy all of it; if your sender gives it without a prefix, set key.prefix to an empty text"


def _decode(scheme: Scheme, text: str) -> bytes:
    rest = text if scheme.key.keep_prefix else text.removeprefix(scheme.key.prefix)
    if scheme.key.decode == "text":
        return rest.encode()
    try:
        if scheme.key.decode == "hex":
            return bytes.fromhex(rest)
        return base64.b64decode(rest + "=" * (-len(rest) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise KeyFormatError(f"is not in {scheme.key.decode}: copy it again, whole, and nothing but it") from None


def _check_strength(mode: Mode, decode: str, key: bytes) -> None:
    if mode == "ed25519":
        if len(key) != ED25519_BYTES:
            raise KeyFormatError(f"has {len(key)} bytes, but a public key of Ed25519 has {ED25519_BYTES}")
    elif decode == "text":
        if len(key.decode()) < MIN_TEXT_CHARACTERS:
            raise KeyFormatError(f"is short: it must have at least {MIN_TEXT_CHARACTERS} characters")
    elif len(key) < MIN_KEY_BYTES:
        raise KeyFormatError(f"is short: it has {len(key)} bytes, and must have at least {MIN_KEY_BYTES}")


def _check_token(scheme: Scheme, text: str) -> None:
    in_url = any(place.path or place.query for place in scheme.tokens)
    if in_url and not _URL_SAFE.fullmatch(text):
        raise KeyFormatError("stands in a URL: only letters, digits and . _ ~ - (openssl rand -hex 32)")
    if not _HEADER_SAFE.fullmatch(text):
        raise KeyFormatError("stands in a header: only visible ASCII characters (openssl rand -hex 32)")
