"""The bytes that a sender signs, put together from a template that was read once."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote

from ingress.signatures import Scope, SignatureError, required
from ingress.signatures.places import fields
from ingress.signatures.scheme import PART, Scheme

_ID: Final = re.compile(rb"[!-~]{1,256}")

Read = Callable[[Mapping[bytes, bytes], Scope], bytes]
"""One part of the message, from the request."""


@dataclass(frozen=True, slots=True)
class Template:
    """A message template.

    Attributes:
        form: literals, and a `%b` for each part.
        pick: the parts, in their order, from all there are.
        read: how the parts are found, but for the body and the timestamp.
    """

    form: bytes
    pick: Callable[[Mapping[str, bytes]], Any]
    read: Mapping[str, Read]

    def fill(self, headers: Mapping[bytes, bytes], body: bytes, timestamp: bytes, scope: Scope) -> bytes:
        """The signed bytes of a request.

        Raises:
            SignatureError: a part of them is missing or malformed.
        """
        values = {"body": body, "timestamp": timestamp}
        for name, read in self.read.items():
            values[name] = read(headers, scope)
        filled: bytes = self.form % self.pick(values)
        return filled


def template_of(scheme: Scheme, public_url: str) -> Template:
    """Compiles a scheme's template.

    Args:
        scheme: what is signed.
        public_url: how the sender reaches this server, without a final slash; only for schemes that sign the URL.
    """
    pieces = [piece for piece in re.split(r"(\{\w+\})", scheme.message or "") if piece]
    read: dict[str, Read] = {}
    if "method" in scheme.parts:
        read["method"] = lambda _, scope: str(scope["method"]).encode()
    if "url" in scheme.parts:
        read["url"] = _url_reader(public_url, scheme.url_unescape)
    if scheme.id is not None:
        read["id"] = _id_reader(scheme.id, _literal_after_id(pieces))
    parts = [piece[1:-1] for piece in pieces if PART.fullmatch(piece)]
    form = b"".join(b"%b" if PART.fullmatch(piece) else piece.encode().replace(b"%", b"%%") for piece in pieces)
    return Template(form, itemgetter(*parts), read)


def described(scheme: Scheme) -> str:
    """The template as a sum, for senders: `x-timestamp + "." + body`."""
    names = _names(scheme)
    pieces = [piece for piece in re.split(r"(\{\w+\})", scheme.message or "") if piece]
    return " + ".join(names[piece[1:-1]] if PART.fullmatch(piece) else f'"{piece}"' for piece in pieces)


def signed_parts(scheme: Scheme) -> str:
    """What is signed besides literals, in words: `the body and x-timestamp`."""
    names = _names(scheme)
    order = [part for part in ("method", "url", "id", "timestamp") if part in scheme.parts]
    words = ["the body", *(f"the {part}" if part in {"method", "url"} else names[part] for part in order)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def timestamp_name(scheme: Scheme) -> str:
    """How the sender knows the place of the time."""
    place = scheme.timestamp
    if place is None:
        return ""
    return f"{place.header} ({place.field}=)" if place.field else place.header


def timestamp_reader(scheme: Scheme) -> Callable[[Mapping[bytes, bytes]], bytes]:
    """Finds the text of the time; the empty text where the scheme has none."""
    place = scheme.timestamp
    if place is None:
        return lambda _: b""
    header, name = place.header, place.header.encode("ascii")
    if place.field is None:
        return lambda headers: headers.get(name) or required(headers, name)
    field = place.field.encode()

    def paired(headers: Mapping[bytes, bytes]) -> bytes:
        found = fields(required(headers, name), b",", b"=", header).get(field, [])
        if len(found) != 1:  # of two, one could be signed and the other be looked at
            raise SignatureError("malformed", f"{header} does not have one {place.field}=")
        return found[0]

    return paired


def _names(scheme: Scheme) -> dict[str, str]:
    return {
        "body": "body",
        "timestamp": timestamp_name(scheme),
        "id": scheme.id or "",
        "method": "method",
        "url": "url",
    }


def _literal_after_id(pieces: list[str]) -> bytes:
    return pieces[pieces.index("{id}") + 1].encode()


def _id_reader(header: str, end: bytes) -> Read:
    name = header.encode("ascii")

    def read(headers: Mapping[bytes, bytes], _: Scope) -> bytes:
        value = required(headers, name)
        if not _ID.fullmatch(value) or end in value:  # else a part of the id could pass for what follows it
            raise SignatureError("malformed", f"{header} is not 1 to 256 visible characters without {end.decode()!r}")
        return value

    return read


def _url_reader(public_url: str, unescape: str) -> Read:
    base = public_url.encode()
    escaped = {quote(character, safe="").encode(): character.encode() for character in unescape}
    pattern = re.compile(b"|".join(map(re.escape, escaped)), re.IGNORECASE) if escaped else None

    def read(_: Mapping[bytes, bytes], scope: Scope) -> bytes:
        # Never from the headers Host or X-Forwarded-*: those are the sender's words, or a stranger's.
        url = base + _target(scope)
        return pattern.sub(lambda found: escaped[found[0].upper()], url) if pattern else url

    return read


def _target(scope: Mapping[str, Any]) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
