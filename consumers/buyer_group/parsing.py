"""A title made into segments: the parts between separators, each with the phrases that it holds."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from consumers.buyer_group.lexicon import AND, LONGEST_GAP, Entry, Readings, is_unspaced
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.model import RANK, Function, Seniority
from consumers.buyer_group.wording import SEPARATORS, Words, compound, read

LOWEST = len(RANK)
"""The rank of no level."""
_JOINING = frozenset({AND, "/", "+"})
_SERVED = frozenset({Seniority.OWNER, Seniority.C_LEVEL, Seniority.VP, Seniority.HEAD, Seniority.DIRECTOR})


class Segment(NamedTuple):
    """One part of a title.

    Attributes:
        entries: what its phrases say, in order.
        runs: a number for each entry; it grows at every "of", so that "sales for data centers" is sales.
        joined: whether "and" or a stroke ties it to the part before.
        flags: of all entries, and `support` for who assists somebody named in it.
        pivot: the place of the entry whose level counts, or else of the occupation; None if it names neither.
    """

    entries: tuple[Entry, ...]
    runs: tuple[int, ...]
    joined: bool
    flags: frozenset[str]
    pivot: int | None

    @property
    def seniority(self) -> Seniority | None:
        """The level that it names."""
        return None if self.pivot is None else self.entries[self.pivot].seniority

    @property
    def function(self) -> str | None:
        """The function that its thing is of; `weak` ones give way to any other."""
        return self._function(weak=False) or self._function(weak=True)

    def _function(self, *, weak: bool) -> str | None:
        """Nearest to the level: what follows "director of", else what stands before "director"."""
        named = [at for at, e in enumerate(self.entries) if e.function and self._is_weak(e) is weak]
        if not named:
            return None
        pivot = self.pivot
        if pivot in named and self.entries[pivot].seniority:
            return self.entries[pivot].function
        head_first = any(e.head_first for e in self.entries)
        before = [at for at in named if pivot is not None and at <= pivot]
        after = [at for at in named if pivot is None or at > pivot]
        first = (after or before) if head_first else (before or after)
        run = [at for at in first if self.runs[at] == self.runs[first[-1 if first is before else 0]]]
        return self.entries[run[0 if head_first else -1]].function

    def _is_weak(self, entry: Entry) -> bool:
        """Whether a function gives way to others; whoever stands in for a company's head has a field of their own."""
        return "weak" in entry.marks or ("deputy" in self.flags and entry.function == Function.EXECUTIVE)


def rank(entry: Entry) -> int:
    """0 is the highest level."""
    return RANK[entry.seniority] if entry.seniority else LOWEST


def segments(title: str, context: frozenset[str]) -> list[Segment]:
    """The parts of a title that say anything.

    Args:
        title: as somebody wrote it.
        context: what is known of the company and the country, as `industry:bank` and `country:se`.
    """
    found = _matches(read(title))
    votes = _votes(found, context)
    return [segment for part in _parts(found, votes, context) if (segment := part).entries]


_Match = Readings | str


def _matches(words: Words) -> list[_Match]:
    """Readings of the phrases, the longest at each token; separators; and "" for a word that nobody knows."""
    vocabulary, plain = lexicon(), words.plain
    found: list[_Match] = []
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
    node, size = lexicon().root, 0
    for token in tokens[at:]:
        following = node.after.get(token)
        if following is None:
            break
        node, size = following, size + 1
        if node.readings:
            fits[size] = node.readings
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
            if words[closed] in SEPARATORS and words[closed] not in _JOINING:
                break
    return None


def _votes(found: Sequence[_Match], context: frozenset[str]) -> Counter[str] | None:
    """How much speaks for each language; None when nothing depends on it."""
    if not any(len(match) > 1 and not isinstance(match, str) for match in found):
        return None
    votes: Counter[str] = Counter()
    for match in found:
        if not isinstance(match, str) and len(match) == 1 and len(match[0].languages) == 1:
            votes[match[0].languages[0]] += 2
    for tag in context:
        kind, _, code = tag.partition(":")
        if kind == "country":
            votes.update(lexicon().countries.get(code, ()))
    return votes


def _chosen(readings: Readings, votes: Counter[str] | None) -> Entry:
    if len(readings) == 1 or votes is None:
        return readings[0]
    return max(readings, key=lambda entry: max((votes[language] for language in entry.languages), default=0))


def _parts(found: Sequence[_Match], votes: Counter[str] | None, context: frozenset[str]) -> list[Segment]:
    parts: list[Segment] = []
    entries: list[Entry] = []
    runs: list[int] = []
    run, joined, employer = 0, False, False
    for match in found:
        if isinstance(match, str):
            if match and not (employer and match == AND):
                parts.append(_segment(entries, runs, joined))
                entries, runs, run, employer = [], [], 0, False
                joined = match in _JOINING
            continue
        entry = settled(_chosen(match, votes), context)
        if "employer" in entry.marks:
            employer = True
        elif "of" in entry.marks:
            run += 1
        elif not employer and not ("start" in entry.marks and entries):
            entries.append(entry)
            runs.append(run)
    return [*parts, _segment(entries, runs, joined)]


def settled(entry: Entry, context: frozenset[str]) -> Entry:
    """A short form as what it means here; without a hint, its default."""
    for option in entry.options if context else ():
        if option.when & context:
            return Entry(
                entry.phrase,
                (),
                option.seniority,
                option.function,
                options=(option, *(other for other in entry.options if other is not option)),
            )
    return entry


def _segment(entries: Sequence[Entry], runs: Sequence[int], joined: bool) -> Segment:
    flags = frozenset(flag for entry in entries for flag in entry.flags)
    for at, entry in enumerate(entries):
        if ("serves-left" in entry.marks and any(map(_is_served, entries[:at]))) or (
            "serves-right" in entry.marks and any(map(_is_served, entries[at + 1 :]))
        ):
            flags |= {"support"}
    return Segment(tuple(entries), tuple(runs), joined, flags, _pivot(entries))


def _pivot(entries: Sequence[Entry]) -> int | None:
    """Whatever caps the level, else the highest level, else the last occupation."""
    best, height, job = None, LOWEST, None
    for at, entry in enumerate(entries):
        if "caps" in entry.marks:
            return at
        if entry.seniority and RANK[entry.seniority] < height:
            best, height = at, RANK[entry.seniority]
        elif "job" in entry.marks:
            job = at
    return job if best is None else best


def _is_served(entry: Entry) -> bool:
    return entry.seniority in _SERVED
