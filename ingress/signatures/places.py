"""Where signatures stand in a header, and how they are written: read by the letter, or refused."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final

from ingress.signatures import SignatureError, required
from ingress.signatures.scheme import Scheme, SignaturePlace

MAX_ENTRIES: Final = 20
"""More signatures in one header are refused: each may cost a verification."""
SIZES: Final = {"sha1": 20, "sha256": 32, "sha512": 64}
ED25519_SIZE: Final = 64

Fields = dict[bytes, list[bytes]]
Decode = Callable[[bytes], bytes | None]
"""A written signature to its bytes; None when it is not written so."""
Extract = Callable[[Mapping[bytes, bytes]], list[bytes]]
"""Headers to the signatures in them, as they are written."""


def size_of(scheme: Scheme) -> int:
    """How many bytes a signature has."""
    return ED25519_SIZE if scheme.mode == "ed25519" else SIZES[scheme.digest]


def decoder(scheme: Scheme) -> Decode:
    """Reads a signature in the one encoding that the scheme declares."""
    size = size_of(scheme)
    if scheme.encoding == "hex":
        return _hex(size)
    altchars, padded = (None, True) if scheme.encoding == "base64" else (b"-_", False)
    return lambda text: _base64(text, size, altchars, padded=padded)


def _hex(size: int) -> Decode:
    """Digits only, of either case; unlike `bytes.fromhex`, this lets no whitespace pass."""

    def decode(text: bytes) -> bytes | None:
        if len(text) != 2 * size:
            return None
        try:
            return binascii.unhexlify(text)
        except binascii.Error:
            return None

    return decode


def _base64(text: bytes, size: int, altchars: bytes | None, *, padded: bool) -> bytes | None:
    """Canonical base64 only: one signature has one spelling. In base64url the padding may be left out."""
    full = text if padded else text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4)
    try:
        decoded = base64.b64decode(full, altchars, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == size and base64.b64encode(decoded, altchars) == full else None


def form_of(scheme: Scheme) -> str:
    """What a signature of the scheme looks like, for its sender."""
    size = size_of(scheme)
    written = f"{2 * size} hexadecimal digits" if scheme.encoding == "hex" else f"{size} bytes in {scheme.encoding}"
    place = scheme.signature
    if place is None or place.grammar == "bare":
        return f"{place.prefix} and {written}" if place and place.prefix and not place.prefix_optional else written
    return f"a list with {place.field}{'=' if place.grammar == 'pairs' else ','} and {written}"


def extractor(place: SignaturePlace) -> Extract:
    """Finds the signatures of a scheme in its header."""
    if place.grammar == "bare":
        return _bare(place)
    header = place.header.encode("ascii")
    part, name = (b" ", b",") if place.grammar == "versions" else (b",", b"=")
    field = (place.field or "").encode()

    def listed(headers: Mapping[bytes, bytes]) -> list[bytes]:
        return fields(required(headers, header), part, name, place.header).get(field, [])

    return listed


def _bare(place: SignaturePlace) -> Extract:
    prefix, header = place.prefix.encode(), place.header.encode("ascii")

    def bare(headers: Mapping[bytes, bytes]) -> list[bytes]:
        value = headers.get(header) or required(headers, header)
        if value.startswith(prefix) or place.prefix_optional:
            return [value.removeprefix(prefix)]
        return []

    return bare


def fields(value: bytes, part: bytes, name: bytes, header: str) -> Fields:
    """The values of a list by their names; an entry without a name is nobody's.

    Raises:
        SignatureError: there are more than anybody sends.
    """
    entries = value.split(part, MAX_ENTRIES)
    if len(entries) > MAX_ENTRIES:
        raise SignatureError("malformed", f"{header} has more than {MAX_ENTRIES} entries")
    found: Fields = {}
    for entry in entries:
        key, separator, rest = entry.partition(name)
        if separator:
            found.setdefault(key, []).append(rest)
    return found
