"""The vocabulary of titles in memory: phrases of all languages, looked up by whole tokens."""

import unicodedata
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.buyer_group.model import Function, Seniority

AND: Final = "&"
"""What every word for "and" is read as."""
GAP: Final = ".."
UNSPACED: Final = "\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af"
"""The letters, as ranges of a regular expression, of scripts that write words without spaces between them."""
STEM: Final = "~"
"""Ends a word that takes the endings of its language."""
LONGEST_GAP: Final = 8
"""Tokens that may stand in a gap; a letter of Chinese is a token."""
NONE: Final[frozenset[str]] = frozenset()
FLAGS: Final = frozenset({"interim", "acting", "deputy", "former", "seeking", "board", "support"})
"""What an entry may say of the job beside level and function."""


@dataclass(frozen=True, slots=True)
class Option:
    """One office that a short form may stand for.

    Attributes:
        meaning: its name in full.
        when: what settles it, such as `industry:bank` or `country:se`; nothing for the default, or `sure` for a
            default that needs no settling.
    """

    seniority: Seniority | None
    function: Function | None
    meaning: str
    when: frozenset[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a phrase says.

    Attributes:
        languages: the files that say it, without `common`.
        flags: those of `FLAGS`.
        marks: the others; `job` is an occupation that names no level, `weak` a function that gives way to any other,
            `caps` a level that counts even where a higher one is named.
        options: of a short form of several offices, the default first.
        head_first: whether its languages name the thing before what it is of (directeur commercial).
    """

    phrase: str
    languages: tuple[str, ...]
    seniority: Seniority | None
    function: Function | None
    flags: frozenset[str] = NONE
    marks: frozenset[str] = NONE
    options: tuple[Option, ...] = ()
    head_first: bool = False

    def says_the_same(self, other: "Entry") -> bool:
        """Whether both files mean the same by the phrase."""
        mine = (self.seniority, self.function, self.flags, self.marks, self.options)
        return mine == (other.seniority, other.function, other.flags, other.marks, other.options)


Readings = tuple[Entry, ...]
"""What a phrase means in different languages; seldom more than one."""


@dataclass(slots=True)
class Node:
    """A token's place in the phrases that begin like this."""

    after: dict[str, "Node"] = field(default_factory=dict)
    readings: Readings = ()


@dataclass(slots=True)
class Lexicon:
    """All languages' phrases.

    Attributes:
        root: phrases token by token.
        gaps: by their first token, phrases with a gap: (what opens it, what closes it, readings).
        heads: ends of compounds (`-leiter`), without the hyphen.
        stems: beginnings of compounds (`vertriebs-`), without the hyphen.
        words: single tokens that name a function, for the beginnings of compounds.
        links: letters between the parts of a compound.
        forms: tokens as their phrases write them: of an inflected one, and of one without its accents.
        joins: words for "and", in every language.
        inclusive: endings that make a form for all genders (Leiter:in).
        genders: letters for genders, as in (m/w/d).
        countries: the languages of a country, by its code in lower case.
    """

    root: Node = field(default_factory=Node)
    gaps: dict[str, list[tuple[tuple[str, ...], tuple[str, ...], Entry]]] = field(default_factory=dict)
    heads: dict[str, Readings] = field(default_factory=dict)
    stems: dict[str, Readings] = field(default_factory=dict)
    words: dict[str, Readings] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    forms: dict[str, str] = field(default_factory=dict)
    joins: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    inclusive: set[str] = field(default_factory=set)
    genders: set[str] = field(default_factory=set)
    countries: dict[str, set[str]] = field(default_factory=dict)

    def add(self, tokens: tuple[str, ...], entry: Entry) -> None:
        """Put a phrase where look-ups find it."""
        self.tokens.update(tokens)
        if GAP in tokens:
            at = tokens.index(GAP)
            self.gaps.setdefault(tokens[0], []).append((tokens[:at], tokens[at + 1 :], entry))
            return
        node = self._node(tokens)
        node.readings = merged(node.readings, entry)
        if len(tokens) == 1 and entry.function and entry.seniority is None:
            word = tokens[0].removesuffix(STEM)
            self.words[word] = merged(self.words.get(word, ()), entry)

    def replace(self, tokens: tuple[str, ...], entry: Entry) -> None:
        """Put a phrase that means this in every language."""
        self.tokens.update(tokens)
        self._node(tokens).readings = (entry,)

    def _node(self, tokens: tuple[str, ...]) -> Node:
        node = self.root
        for token in tokens:
            node = node.after.setdefault(token, Node())
        return node


def merged(readings: Readings, entry: Entry) -> Readings:
    """What a phrase means, with one more language's meaning."""
    for at, known in enumerate(readings):
        if known.says_the_same(entry):
            languages = (*known.languages, *entry.languages) if known.languages and entry.languages else ()
            both = replace(known, languages=languages, head_first=known.head_first and entry.head_first)
            return (*readings[:at], both, *readings[at + 1 :])
    return (*readings, entry)


def fold(token: str) -> str:
    """A token without accents, for look-up only; letters of other scripts stay whole."""
    if token.isascii():
        return token
    plain = "".join(_FOLDED.get(c) or (_base(c) if c < "\u0370" else c) for c in token)
    return "".join(c for c in plain if not "\u0300" <= c <= "\u036f")


_FOLDED: Final = {"ø": "o", "ł": "l", "\u0131": "i", "æ": "ae", "œ": "oe", "đ": "d", "\u0451": "\u0435"}
"""Letters whose accent is no mark of its own; dotless i and Cyrillic yo among them."""


def _base(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def is_unspaced(letter: str) -> bool:
    """Whether a letter is of a script that writes words without spaces between them."""
    return "\u3005" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7af"
