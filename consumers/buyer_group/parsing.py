"""The phrases of a title: at each token the longest one of any language."""

from collections.abc import Sequence
from typing import Final

from consumers.buyer_group.lexicon import AND, LONGEST_GAP, Entry, Node, Readings, is_unspaced
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.wording import SEPARATORS, Words, compound

JOINING: Final = frozenset({AND, "/"})
"""Separators that tie a part to the one before."""
Match = Readings | str
"""What stands at a place of a title: readings of a phrase, a separator, or "" for a word that nobody knows."""


def matches(words: Words) -> list[Match]:
    """The phrases of a title, the longest at each token, and what stands between them."""
    vocabulary, plain = lexicon(), words.plain
    found: list[Match] = []
    closers: dict[int, int] = {}
    at, end = 0, len(plain)
    while at < end:
        word = plain[at]
        if at in closers:
            at += closers[at]
            continue
        readings, size = _phrase(words, at)
        if word in vocabulary.gaps and (gap := _gap(plain, at, size)):
            opened, closed, length, entry = gap
            found.append((entry,))
            closers[closed] = length
            at += opened
            continue
        if size <= 1 and at in words.attached and (head := vocabulary.heads.get(word)):
            readings, size = head, 1
        if size:
            found.append(readings)
        else:
            found.extend((word,) if word in SEPARATORS else compound(word) or ("",))
        at += size or 1
    return found


def _phrase(words: Words, at: int) -> tuple[Readings, int]:
    """What the phrase at a token says, and its length in tokens; of two languages' phrases the longer one."""
    fits = _fits(words.plain, at)
    if words.other is not words.plain:
        for size, readings in _fits(words.other, at).items():
            mine = fits.get(size, ())
            fits[size] = (*mine, *(entry for entry in readings if entry not in mine))
    if not fits:
        return (), 0
    size = max(fits)
    if len(fits) > 1 and is_unspaced(words.plain[at]):
        size = max(fits, key=lambda size: (size + max(_fits(words.plain, at + size), default=0), size))
    return fits[size], size


def _fits(tokens: Sequence[str], at: int) -> dict[int, Readings]:
    """All phrases that begin at a token, by length."""
    fits: dict[int, Readings] = {}
    node: Node | None = lexicon().root
    for place in range(at, len(tokens)):
        if node is None or (node := node.after.get(tokens[place])) is None:
            break
        if node.readings:
            fits[place - at + 1] = node.readings
    return fits


def _gap(words: Sequence[str], at: int, size: int) -> tuple[int, int, int, Entry] | None:
    """How a phrase with a gap fits here, if no longer phrase does: (tokens that open it, place and size of the end)."""
    for opens, closes, entry in lexicon().gaps[words[at]]:
        start = at + len(opens)
        if size > len(opens) or tuple(words[at:start]) != opens:
            continue
        for closed in range(start + 1, min(len(words), start + LONGEST_GAP + 1)):
            if tuple(words[closed : closed + len(closes)]) == closes:
                return len(opens), closed, len(closes), entry
            if words[closed] in SEPARATORS and words[closed] not in JOINING:
                break
    return None
