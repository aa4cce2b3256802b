"""How bytes that nobody can read may write somebody's id, address or profile: as regular expressions. Pure."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from consumers.engine.erasure import LONG, beginning, pattern_of
from consumers.engine.identifiers import NUMBER, SLUG, profile_of

_LONGEST: Final = 200
"""Octets, each written with four letters, that are looked for at most; see `consumers.engine.erasure.beginning`."""
_PLAIN: Final = 0x80
_ESCAPED_OFTEN: Final = frozenset("&<>'+")
"""What encoders of JSON write as `\\u` for the sake of HTML, although it is ASCII."""


def spellings(name: str) -> Iterable[str]:
    """Regular expressions that find a name in texts, and in bytes as PostgreSQL's `encode(…, 'escape')` writes them."""
    texts, profiles, found = list[str](), list[str](), profile_of(name)
    if found is None or found.kind != SLUG or not name.isascii() or "%" in name:
        texts.append(name)
    if found is not None and found.kind == SLUG:
        profiles.extend((found.value, quote(found.value)))
    elif found is not None and found.kind != NUMBER:
        texts.append(found.value)
    for text in texts:
        yield pattern_of(text)
        if written := _written(text):
            alone = len(text) < LONG
            end = "(?![0-9A-Za-z])" if alone else "(?![0-9])" if text[-1].isdigit() else ""
            before = "(?<![0-9A-Za-z])" if alone else ""
            yield before + written + (end if len(_octets(text)) <= _LONGEST else "")
    for profile in profiles:
        yield beginning(profile, "(?![0-9A-Za-z_-])", before=r"/in\\*/")
        if written := _written(profile):
            yield rf"/in\\*/{written}" + ("(?![0-9A-Za-z_-])" if len(_octets(profile)) <= _LONGEST else "")


def _written(text: str) -> str:
    r"""The beginning of a text in octets, `\u` escapes and escaped slashes, in any case; empty if it needs none."""
    parts, left = list[str](), _LONGEST
    for letter in text:
        left -= len(_octets(letter))
        if left < 0:
            break
        parts.append(_letter(letter))
    pattern = "".join(parts)
    return "" if pattern == re.escape(text) else pattern


def _letter(letter: str) -> str:
    if letter == "/":
        return r"(?:\\*/|\\+u002f)"
    if ord(letter) < _PLAIN and letter not in _ESCAPED_OFTEN:
        return re.escape(letter)
    cases = dict.fromkeys((letter, letter.lower(), letter.upper()))
    ways = dict.fromkeys(way for case in cases for way in (re.escape(_octets(case)), _unicode(case)))
    return f"(?:{'|'.join(ways)})"


def _octets(text: str) -> str:
    """As `encode(…, 'escape')` writes it."""
    return "".join(chr(b) if b < _PLAIN else f"\\{b:03o}" for b in text.encode())


def _unicode(text: str) -> str:
    """In escapes of JSON; PostgreSQL writes each backslash twice."""
    units = text.encode("utf-16-be")
    return "".join(rf"\\+u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
