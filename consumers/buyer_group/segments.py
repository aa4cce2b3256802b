"""A title made into segments: the parts between separators, each with its level and its function."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from consumers.buyer_group.lexicon import AND, Entry, Readings
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.model import RANK, Function, Seniority
from consumers.buyer_group.parsing import JOINING, Match, matches
from consumers.buyer_group.wording import read

LOWEST: Final = len(RANK)
"""The rank of no level."""
_ASSISTS: Final = frozenset({"serves-left", "serves-right"})
_SERVED: Final = frozenset({Seniority.OWNER, Seniority.C_LEVEL, Seniority.VP, Seniority.HEAD, Seniority.DIRECTOR})


class Segment(NamedTuple):
    """One part of a title.

    Attributes:
        entries: what its phrases say, in order.
        joined: whether "and" or a stroke ties it to the part before.
        flags: of all entries, and `support` for who assists somebody named in it.
        pivot: the entry whose level counts, or else the occupation; None if it names neither.
        function: what its thing is of.
    """

    entries: tuple[Entry, ...]
    joined: bool
    flags: frozenset[str]
    pivot: Entry | None
    function: Function | None

    @property
    def seniority(self) -> Seniority | None:
        """The level that it names."""
        return self.pivot.seniority if self.pivot else None


def rank(entry: Entry) -> int:
    """0 is the highest level."""
    return RANK[entry.seniority] if entry.seniority else LOWEST


def segments(title: str, context: frozenset[str]) -> list[Segment]:
    """The parts of a title that say anything.

    Args:
        title: as somebody wrote it.
        context: what is known of the company and the country, as `industry:bank` and `country:se`.
    """
    found = matches(read(title))
    votes = _votes(found, context)
    return [segment for segment in _parts(found, votes, context) if segment.entries]


def _votes(found: Sequence[Match], context: frozenset[str]) -> Counter[str] | None:
    """How much speaks for each language; None when nothing depends on it."""
    if not any(len(match) > 1 and not isinstance(match, str) for match in found):
        return None
    votes: Counter[str] = Counter()
    for match in found:
        if not isinstance(match, str) and len(match) == 1:
            languages = match[0].languages
            votes.update(dict.fromkeys(languages, 2 if len(languages) == 1 else 1))
    for tag in context:
        kind, _, code = tag.partition(":")
        if kind == "country":
            votes.update(lexicon().countries.get(code, ()))
    return votes


def _chosen(readings: Readings, votes: Counter[str] | None) -> Entry:
    if len(readings) == 1 or votes is None:
        return readings[0]
    return max(readings, key=lambda entry: max((votes[language] for language in entry.languages), default=0))


def _parts(found: Sequence[Match], votes: Counter[str] | None, context: frozenset[str]) -> list[Segment]:
    """The matches between separators; what follows "at" in a part is left out, and of "of" only the place is kept."""
    parts: list[Segment] = []
    entries: list[Entry] = []
    runs: list[int] = []
    run, joined, begun, employer = 0, False, False, False
    for match in found:
        if isinstance(match, str):
            begun = True
            if match and not (employer and match == AND):
                parts.append(_segment(entries, runs, joined))
                entries, runs, run, begun, employer = [], [], 0, False, False
                joined = match in JOINING
            continue
        entry = settled(_chosen(match, votes), context)
        if "employer" in entry.marks:
            employer = True
        elif "of" in entry.marks:
            run += 1
        elif "joins" in entry.marks and not employer:
            parts.append(_segment(entries, runs, joined))
            entries, runs, run, begun, joined = [], [], 0, False, True
            continue
        elif not employer and not ("start" in entry.marks and begun):
            entries.append(entry)
            runs.append(run)
        begun = True
    return [*parts, _segment(entries, runs, joined)]


def settled(entry: Entry, context: frozenset[str]) -> Entry:
    """A short form as what it means here; without a hint, its default."""
    for option in entry.options if context else ():
        if option.when & context:
            others = (other for other in entry.options if other is not option)
            return replace(
                entry, seniority=option.seniority, function=option.function, options=(option, *others), languages=()
            )
    return entry


def _segment(entries: Sequence[Entry], runs: Sequence[int], joined: bool) -> Segment:
    flags = frozenset().union(*(entry.flags for entry in entries))
    if any(_serves(entries, at) for at, entry in enumerate(entries) if entry.marks):
        flags |= {"support"}
    pivot = _pivot(entries)
    function = _function(entries, runs, pivot, "deputy" in flags)
    return Segment(tuple(entries), joined, flags, None if pivot is None else entries[pivot], function)


def _serves(entries: Sequence[Entry], at: int) -> bool:
    """Whether this is an assistant whose head is named beside them."""
    left, right = "serves-left" in entries[at].marks, "serves-right" in entries[at].marks
    served = entries[:at] if left else entries[at + 1 :] if right else ()
    return any(entry.seniority in _SERVED for entry in served)


def _pivot(entries: Sequence[Entry]) -> int | None:
    """The place of what caps the level, else of the highest level, else of the last occupation."""
    best, height, job = None, LOWEST, None
    for at, entry in enumerate(entries):
        if "caps" in entry.marks:
            return at
        if entry.seniority and RANK[entry.seniority] < height:
            best, height = at, RANK[entry.seniority]
        elif "job" in entry.marks:
            job = at
    return job if best is None else best


def _function(entries: Sequence[Entry], runs: Sequence[int], pivot: int | None, deputy: bool) -> Function | None:
    """The function of the thing; a weak one only where there is no other.

    Last of all comes what an assistant does, and the lead of a company that is shared: both have fields of their own.
    """
    named = [at for at, entry in enumerate(entries) if entry.function]
    if len(named) > 1:
        named = [at for at in named if not gives_way(entries[at], deputy)] or named
    strong = [at for at in named if "weak" not in entries[at].marks]
    at = _nearest(entries, runs, pivot, strong or named)
    return None if at is None else entries[at].function


def gives_way(entry: Entry, deputy: bool) -> bool:
    """Whether the function of an entry is none where another one is named."""
    if entry.function == Function.EXECUTIVE:
        return deputy or "weak" in entry.marks
    return not entry.marks.isdisjoint(_ASSISTS)


def _nearest(entries: Sequence[Entry], runs: Sequence[int], pivot: int | None, named: Sequence[int]) -> int | None:
    """Which of some entries the level is of: what follows "director of", else what stands before "director"."""
    if len(named) <= 1:
        return named[0] if named else None
    if pivot in named:
        return pivot
    head_first = any(entry.head_first for entry in entries)
    if jobs := [at for at in named if "job" in entries[at].marks and "weak" not in entries[at].marks]:
        return jobs[0] if head_first else jobs[-1]
    before = [at for at in named if pivot is not None and at <= pivot]
    after = [at for at in named if pivot is None or at > pivot]
    if before and not (head_first and after):
        run = [at for at in before if runs[at] == runs[before[-1]]]
    else:
        run = [at for at in after if runs[at] == runs[after[0]]]
    return run[0] if head_first else run[-1]
