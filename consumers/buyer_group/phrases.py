"""Phrases that a workspace looks for in titles: by whole words in any spelling, never as substrings."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from consumers.buyer_group.model import Seniority
from consumers.buyer_group.room import shares_room
from consumers.buyer_group.titles import classify
from consumers.buyer_group.wording import LONGEST_TITLE, SEPARATORS, read

_KEPT: Final = 100_000
_PARTS: Final = re.compile(r"[|/•;]|\s[-\u2013\u2014]\s|,")
_SPELLINGS: Final = (
    (" vice president ", " vp "),
    (" snr ", " senior "),
    (" sr ", " senior "),
    (" jr ", " junior "),
    (" mgr ", " manager "),
    (" dir ", " director "),
    (" exec ", " executive "),
)
"""Spellings of one word, as a workspace and a title may have either of them."""


class Phrases:
    """Phrases with what each stands for; compared by identity, so that a title is looked at once for each policy.

    Args:
        meanings: by phrase, the one that counts first; a phrase without a letter or digit is never found.
    """

    def __init__(self, meanings: Mapping[str, str]) -> None:
        self._meanings = tuple((words, phrase, kind) for phrase, kind in meanings.items() if (words := _words(phrase)))

    def __bool__(self) -> bool:
        return bool(self._meanings)

    def find(self, title: str | None) -> tuple[str, str] | None:
        """The first phrase that is in a title, and what it stands for; jobs that are past do not count."""
        return _found(self, title) if title and self._meanings else None

    def look(self, title: str) -> tuple[str, str] | None:
        """The same, without the memory of earlier answers."""
        parts = _current(title)
        return next(((phrase, kind) for words, phrase, kind in self._meanings if _in(words, parts)), None)


@lru_cache(maxsize=_KEPT)
def _found(phrases: Phrases, title: str) -> tuple[str, str] | None:
    return phrases.look(title)


shares_room(_found.cache_clear)


def _in(words: str, parts: Iterable[str]) -> bool:
    return any(words in part for part in parts)


@lru_cache(maxsize=_KEPT)
def _current(title: str) -> tuple[str, ...]:
    """The words of the whole title; where a part of it is past, of each of the other parts."""
    parts = [part for part in _PARTS.split(title[:LONGEST_TITLE]) if part.strip()]
    current = [part for part in parts if classify(part).seniority != Seniority.UNPAID]
    return (_words(title),) if len(current) == len(parts) else tuple(map(_words, current))


shares_room(_current.cache_clear)


def _words(text: str) -> str:
    """The words, each between blanks: a phrase is in a title if its words follow each other there."""
    words = f" {' '.join(token for token in read(text).plain if token not in SEPARATORS)} "
    for spelling, ours in _SPELLINGS:
        words = words.replace(spelling, ours)
    return "" if words.isspace() else words
