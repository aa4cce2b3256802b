"""A title's text made into the tokens that the vocabulary is written in."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final, NamedTuple

from consumers.buyer_group.lexicon import AND, UNSPACED, Lexicon, Readings, fold
from consumers.buyer_group.loading import lexicon

LONGEST_TITLE: Final = 300
"""Characters of a title that are read; nobody's job takes more, and reading costs time."""
SEPARATORS: Final = frozenset("|/•;,&+()[]{}\u2013\u2014-:、")
"""Tokens that may end one part of a title."""
PAST: Final = "#years"
"""What a closed range of years is read as; common.tsv says that it is past."""
_YEARS: Final = re.compile(r"[\s,(|]*(?<!\d)(?:19|20)\d\d\s?[-\u2013\u2014]\s?(?:19|20)\d\d(?!\d)\)?")
_TOKENS: Final = re.compile(
    rf"#years|[{UNSPACED}]|(?<=\w)-[^\W_{UNSPACED}]+|\b(?:[^\W\d_{UNSPACED}]\.){{2,}}[^\W\d_]?(?!\w)|[^\W_{UNSPACED}]+"
    r"|(?<=\s)-(?=\s)|[|/•;,&+()\[\]{}\u2013\u2014@:、]"
)
_DOTTED_I: Final = "i\u0307"
"""What a Turkish capital I with a dot becomes in lower case."""
_DIGITS: Final = frozenset("0123456789")
_LEAST_PART: Final = 2
_LEAST_UNKNOWN_PART: Final = 3


class Words(NamedTuple):
    """The tokens of a title, separators among them.

    Attributes:
        plain: each as the vocabulary writes it.
        other: the same, where a token is also a form of another language's word; else the same list.
        attached: places of the tokens that a hyphen ties to the one before.
    """

    plain: list[str]
    other: list[str]
    attached: frozenset[int]


def read(title: str) -> Words:
    """The tokens of a title."""
    text = title[:LONGEST_TITLE]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.casefold().replace(_DOTTED_I, "i")
    text = _markers().sub(" ", text)
    if _DIGITS.intersection(text):
        text = _YEARS.sub(f" {PAST} ", text)
    found = _TOKENS.findall(text)
    attached: frozenset[int] = frozenset()
    if "-" in text:
        attached = frozenset(at for at, token in enumerate(found) if token[0] == "-" and len(token) > 1)
        found = [token[1:] if at in attached else token for at, token in enumerate(found)]
    plain = [known(token) for token in found]
    if _shared().isdisjoint(plain):
        return Words(plain, plain, attached)
    forms = lexicon().forms
    return Words(plain, [forms.get(token, token) for token in plain], attached)


@cache
def _shared() -> frozenset[str]:
    """Words of one language that are also forms of another one's."""
    words = lexicon()
    return frozenset(words.tokens & words.forms.keys())


@cache
def _markers() -> re.Pattern[str]:
    """What names genders and says nothing of the job: (m/w/d), H/F, Leiter:in, directeur·rice, Director(a)."""
    words = lexicon()
    letter = f"[{''.join(sorted(words.genders))}]"
    ending = "|".join(sorted(words.inclusive, key=lambda ending: (-len(ending), ending)))
    return re.compile(
        rf"\(\s*{letter}(?:\s*[/|,*]\s*{letter}){{1,3}}\s*\)|(?<!\w){letter}(?:/{letter}){{1,3}}(?!\w)"
        rf"|(?<=\w\w\w)(?:[:*_·•./\u2019']-?(?:{ending})(?:[.·]?s)?(?!\w)|\(-?(?:{ending})\))"
    )


@lru_cache(maxsize=65_536)
def known(token: str) -> str:
    """The token as the vocabulary writes it: "and", or without inflection and with its accents; or as it is."""
    words = lexicon()
    if token in words.joins:
        return AND
    if token in words.tokens:
        return token
    if found := words.forms.get(token) or words.forms.get(fold(token)):
        return found
    plain = token.replace(".", "")
    return known(plain) if plain != token and plain else token


@lru_cache(maxsize=65_536)
def compound(token: str) -> tuple[Readings, ...]:
    """The parts of a compound whose end the vocabulary declares (Vertriebs|leiter); nothing of any other word.

    The longest end counts whose beginning is known too, else the longest end, which then says all. A beginning may
    stand alone (Vertriebs- und Marketingleiter).
    """
    words, plain = lexicon(), fold(token)
    if stem := words.stems.get(plain):
        return (stem,)
    alone: tuple[Readings, ...] = ()
    for at in range(_LEAST_PART, len(plain)):
        if (head := words.heads.get(plain[at:])) is None:
            continue
        if (beginning := _beginning(words, plain[:at])) is not None:
            return (beginning, head)
        if at >= _LEAST_UNKNOWN_PART and not alone:
            alone = (head,)
    return alone


def _beginning(words: Lexicon, part: str) -> Readings | None:
    """The function that the beginning of a compound names: all of it, or else as much of its end as is known."""
    for at in range(len(part) - _LEAST_PART + 1):
        if at and len(part) - at < _LEAST_UNKNOWN_PART + 1:
            break
        if found := _stem(words, part[at:]):
            return found
    return None


@cache
def _links() -> tuple[str, ...]:
    """The longest first, so that a word is split alike in every process."""
    return tuple(sorted(lexicon().links, key=lambda link: (-len(link), link)))


def _stem(words: Lexicon, part: str) -> Readings | None:
    if found := words.stems.get(part) or words.words.get(part):
        return found
    for link in _links():
        if part.endswith(link) and (found := words.words.get(part[: -len(link)])):
            return found
    return None
