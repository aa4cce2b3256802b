"""Titles read into level and function, by whole tokens and phrases, never by substrings.

The vocabulary is data: ``vocabulary.tsv``. At each token the longest phrase counts: what a phrase says overrides what
its words would say ("product owner" owns nothing, "vice president" is no president).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Final, NamedTuple

from consumers.buyer_group.model import RANK, Employee, Function, Seniority

CACHED_TITLES: Final = 100_000
_INITIALS: Final = re.compile(r"\b(?:\w\.){2,}")
_MARKERS: Final = re.compile(r"\((?:[mwfdxgn]\s*/\s*)+[mwfdxgn]\)|[:*]innen\b|[:*]in\b")
_EMPLOYER: Final = re.compile(r"\s(?:@|at|bei|chez)\s.*")
_SEGMENTS: Final = re.compile(r"[|/•;,&+()\u2013\u2014]|\s-\s|\s(?:and|und|et|y|e)\s")
_TOKENS: Final = re.compile(r"[^\W_]+")
_KNOWN_FLAGS: Final = frozenset({"interim", "acting", "deputy", "former", "seeking", "board", "support"})


@dataclass(frozen=True, slots=True)
class TitleReading:
    """What a title says.

    Attributes:
        seniority: a `Seniority`, or None: unknown stays unknown.
        function: a `Function`, or None.
        flags: interim, acting, deputy, former, seeking, board, support.
        rule: what decided, e.g. the phrases that matched.
        confidence: 0 to 1.
    """

    seniority: str | None
    function: str | None
    flags: frozenset[str]
    rule: str
    confidence: float


class _Entry(NamedTuple):
    """A phrase of the vocabulary; `office` marks short forms that stand for several offices."""

    phrase: str
    seniority: str | None
    function: str | None
    flags: frozenset[str]
    ambiguous: bool


class _Segment(NamedTuple):
    """One part of a title, between separators."""

    entries: tuple[_Entry, ...]

    @property
    def flags(self) -> frozenset[str]:
        return frozenset(flag for entry in self.entries for flag in entry.flags)

    @property
    def seniority(self) -> str | None:
        return _highest(entry.seniority for entry in self.entries)

    @property
    def function(self) -> str | None:
        return next((entry.function for entry in self.entries if entry.function), None)


NOTHING: Final = TitleReading(None, None, frozenset(), "no title", 0.0)


@lru_cache(maxsize=CACHED_TITLES)
def classify(title: str | None) -> TitleReading:
    """The level and function that a title names; whatever it is, this answers."""
    if title is None or not title.strip():
        return NOTHING
    segments = [segment for part in _parts(title) if (segment := _segment(part)).entries]
    if not segments:
        return TitleReading(None, None, frozenset(), "no known word", 0.0)
    return _judge(segments)


def read_employee(employee: Employee) -> TitleReading:
    """Level and function of a person: from the title, and what that leaves open from the provider's own words."""
    return _read(employee.title, employee.seniority, employee.department)


@lru_cache(maxsize=CACHED_TITLES)
def _read(title: str | None, seniority: str | None, department: str | None) -> TitleReading:
    reading = classify(title)
    if reading.seniority and reading.function:
        return reading
    level = reading.seniority or (_hinted_level(seniority) if seniority else None)
    function = reading.function or (classify(department).function if department else None)
    if (level, function) == (reading.seniority, reading.function):
        return reading
    hints = [f"stated level {seniority}"] * (level != reading.seniority)
    hints += [f"stated department {department}"] * (function != reading.function)
    return TitleReading(
        level, function, reading.flags, ", ".join([reading.rule, *hints]), min(0.6, reading.confidence or 0.6)
    )


def _hinted_level(said: str) -> str | None:
    word = said.strip().casefold().replace("-", "_").replace(" ", "_")
    if word in RANK:
        return Seniority(word)
    return _STATED.get(word) or classify(said).seniority


_STATED: Final = {
    "cxo": Seniority.C_LEVEL,
    "c_suite": Seniority.C_LEVEL,
    "c_level_exec": Seniority.C_LEVEL,
    "founder": Seniority.OWNER,
    "vice_president": Seniority.VP,
    "vp_level_exec": Seniority.VP,
    "intern": Seniority.TRAINING,
}
"""Levels as LinkedIn, Apollo, People Data Labs and ZoomInfo spell them, where it is not our spelling."""


def _judge(segments: list[_Segment]) -> TitleReading:
    """Past jobs count only to say that they are past; who supports somebody is not that somebody."""
    flags = frozenset(flag for segment in segments for flag in segment.flags)
    current = [s for s in segments if not s.flags & {"former", "seeking"}]
    if not current:
        return TitleReading(Seniority.UNPAID, None, flags, "only former jobs", 0.8)
    flags -= {"former"}
    if support := next((s for s in current if "support" in s.flags), None):
        return TitleReading(Seniority.ENTRY, Function.ADMINISTRATIVE, flags, _phrases(support), 0.9)
    jobs = [s for s in current if "board" not in s.flags] or current
    level = _highest(segment.seniority for segment in jobs)
    head = next(segment for segment in jobs if segment.seniority == level)
    function = head.function or next((s.function for s in jobs if s.function), None)
    doubt = any(entry.ambiguous for entry in head.entries)
    confidence = (0.9 if level and function else 0.7) - (0.3 if doubt else 0.0)
    return TitleReading(level, function, flags, _phrases(*jobs), confidence)


def _phrases(*segments: _Segment) -> str:
    return ", ".join(entry.phrase for segment in segments for entry in segment.entries)


def _highest(levels: Iterable[str | None]) -> str | None:
    return min((level for level in levels if level), key=lambda level: RANK[Seniority(level)], default=None)


def _parts(title: str) -> Iterator[list[str]]:
    """The tokens of each part of a title."""
    text = unicodedata.normalize("NFKC", title).casefold()
    text = _INITIALS.sub(lambda found: found[0].replace(".", "") + " ", text)
    text = _MARKERS.sub(" ", text)
    for part in _SEGMENTS.split(_whole_phrases(text)):
        yield _TOKENS.findall(_EMPLOYER.sub(" ", f" {part}"))


def _whole_phrases(text: str) -> str:
    """Phrases that hold a separator of ours are written without it."""
    return text.replace("r&d", "rnd").replace("r & d", "rnd").replace("m&a", "mna").replace("p&l", "pnl")


def _segment(tokens: list[str]) -> _Segment:
    vocabulary, longest = _vocabulary()
    found: list[_Entry] = []
    at = 0
    while at < len(tokens):
        for size in range(min(longest, len(tokens) - at), 0, -1):
            if entry := vocabulary.get(tuple(tokens[at : at + size])):
                found.append(entry)
                at += size
                break
        else:
            at += 1
    return _Segment(tuple(found))


@cache
def _vocabulary() -> tuple[dict[tuple[str, ...], _Entry], int]:
    """The phrases by their tokens, and the length of the longest."""
    lines = (resources.files("consumers.buyer_group") / "vocabulary.tsv").read_text("utf-8").splitlines()
    entries = [_entry(line, number) for number, line in enumerate(lines, 1) if line and not line.startswith("#")]
    vocabulary = {tuple(entry.phrase.split()): entry for entry in entries}
    if len(vocabulary) != len(entries):
        raise ValueError("vocabulary.tsv has a phrase twice")
    return vocabulary, max(len(tokens) for tokens in vocabulary)


def _entry(line: str, number: int) -> _Entry:
    phrase, level, function, *rest = line.split("\t")
    marks = frozenset(rest[0].split()) if rest else frozenset()
    if unknown := marks - _KNOWN_FLAGS - {"ambiguous"}:
        raise ValueError(f"vocabulary.tsv line {number}: unknown mark {', '.join(sorted(unknown))}")
    return _Entry(
        phrase,
        None if level == "-" else Seniority(level),
        None if function == "-" else Function(function),
        marks & _KNOWN_FLAGS,
        "ambiguous" in marks,
    )
