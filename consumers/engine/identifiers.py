"""What tells people apart, in one spelling: profile URLs, e-mail addresses and names. Pure.

Whatever is no identifier reads as None, never as an error: providers write what they like.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final, NamedTuple
from urllib.parse import unquote

MEMBER: Final = "linkedin_member"
"""LinkedIn's member id in a profile URL or URN (`ACoAA…`): it never changes."""
SALES: Final = "linkedin_sales"
"""The same person's id in Sales Navigator (`ACw…`), which cannot be turned into the other one."""
NUMBER: Final = "linkedin_number"
"""The member's number (`urn:li:member:123`)."""
SLUG: Final = "linkedin_slug"
"""The name that a member chose for the address of their profile; they may choose another, and somebody else take it."""
EMAIL: Final = "email"

STRONG: Final = frozenset({MEMBER, SALES, NUMBER})
"""Kinds of which a person has one for ever: the same value is the same person, two values are two people."""


def _words(key: str) -> frozenset[str]:
    return frozenset(tomllib.loads((resources.files("consumers.engine") / "words.toml").read_text("utf-8"))[key])


_CACHED: Final = 1 << 16
_LONGEST: Final = 320
"""No address of a person is longer; what is, is not looked at."""
_PLACE: Final = re.compile(r"(?:https?:)?(?://)?(?:[a-z0-9-]+\.)*linkedin\.com(?::\d+)?/", re.IGNORECASE)
# Not `urn:li:person:…`, which each application of LinkedIn's is told another one of.
_URN: Final = re.compile(r"urn:li:(?:member|fsd?_(?:mini|sales)?profile):\(?([^,()\s]+)", re.IGNORECASE)
_PREFIX: Final = re.compile(r"mwlite|m|[a-z]{2}(?:[-_][a-z]{2})?", re.IGNORECASE)
_MEMBER_ID: Final = re.compile(r"ACo[A-Za-z0-9_-]{10,}")
_SALES_ID: Final = re.compile(r"ACw[A-Za-z0-9_-]{10,}")
_ADDRESS: Final = re.compile(r"[^\s@,:;<>()\"]+@[^\s@,:;<>()\"]+\.[^\s@,:;<>()\".]+\.?")
_PLAIN: Final = re.compile(r"([a-z0-9._-]+)@([a-z0-9_-]+(?:\.[a-z0-9_-]+)+)")
"""An address that is in the compared spelling already; there are few others, and to see it costs a third."""
_PLAIN_LIST: Final = re.compile(r"(?:[a-z0-9._-]++@[a-z0-9_-]++(?:\.[a-z0-9_-]++)++ )*+")
_DOMAIN: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
_ROLES: Final = _words("role_addresses")
"""What stands before the @ of an address that several people read."""
_FREE_MAIL: Final = _words("free_mail")
"""Domains whose mailboxes belong to people, not to the companies that they work for."""
_TITLES: Final = _words("titles")
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)


class Identifier(NamedTuple):
    """One identifier in the spelling that is compared; `kind` is one of the names above."""

    kind: str
    value: str


@lru_cache(_CACHED)
def profile_of(text: str) -> Identifier | None:
    """Whose LinkedIn profile a URL or URN is; None when it is nobody's.

    Host, scheme, locale, query, percent-encoding and case make no difference, but for the case of a member id.
    """
    if len(text) > _LONGEST * 4:
        return None
    found = text.strip()
    if urn := _URN.search(found):
        return _member(urn[1]) or _number(urn[1])
    if (place := _PLACE.match(found)) is None:
        return None
    path = re.split(r"[?#]", found[place.end() :], maxsplit=1)[0].strip("/").split("/")
    if path[:1] == ["sales"] and len(path) > 2 and path[1].casefold() in ("lead", "people"):  # noqa: PLR2004
        return _member(path[2].split(",")[0])
    if len(path) > 2 and _PREFIX.fullmatch(path[0]) and path[1].casefold() == "in":  # noqa: PLR2004  # a language
        path = path[1:]
    if len(path) < 2 or path[0].casefold() != "in":  # noqa: PLR2004  # `in` and whose
        return None
    name = unquote(path[1]).strip()
    return _member(name) or _slug(name)


@lru_cache(_CACHED)
def email_of(text: str) -> Identifier | None:
    """An e-mail address of one person; None when it is no address, or one that several people read (`info@`)."""
    plain = _PLAIN.fullmatch(text)
    if plain and len(text) <= _LONGEST and plain[1] not in _ROLES and plain[2] not in _GMAIL:
        return Identifier(EMAIL, text)
    found = text.strip().casefold().removeprefix("mailto:")
    if len(found) > _LONGEST or not _ADDRESS.fullmatch(found):
        return None
    name, _, domain = found.rpartition("@")
    domain = _ascii(domain.rstrip("."))
    name = _folded(name.partition("+")[0])
    if domain in _GMAIL:
        name, domain = name.replace(".", ""), "gmail.com"
    if not domain or not name or name in _ROLES:
        return None
    return Identifier(EMAIL, f"{name}@{domain}")


def are_plain(addresses: Sequence[str]) -> bool:
    """Whether all are written as they are compared, so that two of them are one address only if they are equal."""
    together = " ".join((*addresses, ""))
    return "gmail." not in together and "googlemail." not in together and _PLAIN_LIST.fullmatch(together) is not None


def is_personal(email: str) -> bool:
    """Whether a normalised address goes with the person, not with a job: then it says nothing of a company."""
    return email.rpartition("@")[2] in _FREE_MAIL


@lru_cache(_CACHED)
def name_tokens(name: str) -> frozenset[str]:
    """The words of a name that are compared: without case, accents, order, titles and initials."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c)).translate(_LETTERS)
    words = re.findall(r"[^\W\d_]+", letters)
    told = [word for word in words if word not in _TITLES]
    return frozenset(word for word in told if len(word) > 1 or not word.isascii())


def names_agree(one: str | None, other: str | None) -> bool:
    """Whether two names can be one person's: the same words, or one has words between (`John A. Smith`).

    It confirms, and never proves: there are many John Smiths. A name that is not known confirms nothing.
    """
    a, b = name_tokens(one or ""), name_tokens(other or "")
    if min(len(a), len(b)) < 2:  # noqa: PLR2004  # a word alone must be the whole of both names
        return bool(a) and a == b
    return a <= b or b <= a


def profile_url(identifier: Identifier) -> str:
    """A profile identifier as text that `profile_of` reads back."""
    kind, value = identifier
    if kind == NUMBER:
        return f"urn:li:member:{value}"
    return f"https://www.linkedin.com/{'sales/people' if kind == SALES else 'in'}/{value}"


def _member(text: str) -> Identifier | None:
    if _MEMBER_ID.fullmatch(text):
        return Identifier(MEMBER, text)
    return Identifier(SALES, text) if _SALES_ID.fullmatch(text) else None


def _number(text: str) -> Identifier | None:
    return Identifier(NUMBER, text.lstrip("0") or "0") if text.isascii() and text.isdigit() else None


def _slug(text: str) -> Identifier | None:
    value = _folded(text)
    if not value or any(c in "/?#%" or c.isspace() or not c.isprintable() for c in value):
        return None
    return Identifier(SLUG, value)


def _folded(text: str) -> str:
    """Text without its case, in one composition of its accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _ascii(domain: str) -> str:
    """A domain as DNS has it; empty when IDNA refuses it."""
    try:
        found = domain if domain.isascii() else domain.encode("idna").decode("ascii").casefold()
    except UnicodeError:
        return ""
    return found if _DOMAIN.fullmatch(found) else ""
