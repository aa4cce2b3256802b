"""Titles read into level and function, by whole tokens and phrases, never by substrings.

The vocabulary is data, a file a language (docs/titles.md). At each token the longest phrase counts: what a phrase says
overrides what its words would say ("product owner" owns nothing, "vice president" is no president).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from consumers.buyer_group.context import NO_CONTEXT, context_of
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.model import RANK, Employee, Function, Seniority
from consumers.buyer_group.room import shares_room
from consumers.buyer_group.segments import LOWEST, Segment, gives_way, rank, segments
from consumers.buyer_group.wording import LONGEST_TITLE

CACHED_TITLES: Final = 100_000
_NOT_NOW: Final = frozenset({"former", "seeking"})
_CONFIDENT: Final = 0.9
_HALF: Final = 0.7
_PRESUMED: Final = 0.6
_DOUBT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another office that a short form in the title may stand for.

    Attributes:
        meaning: its name in full.
    """

    seniority: str | None
    function: str | None
    meaning: str


@dataclass(frozen=True, slots=True)
class TitleReading:
    """What a title says.

    Attributes:
        seniority: a `Seniority`, or None: unknown stays unknown.
        function: a `Function`, or None.
        flags: interim, acting, deputy, former, seeking, board, support, several_hats.
        rule: what decided, e.g. the phrases that matched.
        confidence: 0 to 1.
        alternatives: other readings of an ambiguous short form (CRO: revenue or risk), the likelier first.
        presumed: the title names an occupation and no level, and `entry` is what LinkedIn and Apollo call that; a
            provider's own word counts more.
    """

    seniority: str | None
    function: str | None
    flags: frozenset[str]
    rule: str
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    presumed: bool = False


NOTHING: Final = TitleReading(None, None, frozenset(), "no title", 0.0)
_UNKNOWN: Final = TitleReading(None, None, frozenset(), "no known word", 0.0)


def classify(title: str | None, industry: str | None = None, country: str | None = None) -> TitleReading:
    """The level and function that a title names; whatever it is, this answers.

    Args:
        title: as somebody wrote it, in any language.
        industry: the company's, in a provider's words; settles short forms (a bank's CRO answers for risk).
        country: the person's, code or name; settles words that languages share.
    """
    read = title[:LONGEST_TITLE] if title else title
    return _classified(read, context_of(industry, country) if industry or country else NO_CONTEXT)


@lru_cache(maxsize=CACHED_TITLES)
def _classified(title: str | None, context: frozenset[str]) -> TitleReading:
    if title is None or not title.strip():
        return NOTHING
    found = segments(title, context)
    return _judge(found) if found else _UNKNOWN


shares_room(_classified.cache_clear)


def read_vocabulary() -> None:
    """Read the vocabulary now, so that the first title costs no more than any other.

    Raises:
        ValueError: a line of it is wrong; names file, line and what is wrong.
    """
    lexicon()
    classify("head of sales")


def read_employee(employee: Employee, industry: str | None = None) -> TitleReading:
    """Level and function of a person: from the title, and what that leaves open from the provider's own words."""
    return _read(employee.title, employee.seniority, employee.department, employee.country, industry)


@lru_cache(maxsize=CACHED_TITLES)
def _read(
    title: str | None, seniority: str | None, department: str | None, country: str | None, industry: str | None
) -> TitleReading:
    reading = classify(title, industry, country)
    if reading.seniority and reading.function and not reading.presumed:
        return reading
    return _completed(reading, seniority, department)


shares_room(_read.cache_clear)


def _completed(reading: TitleReading, seniority: str | None, department: str | None) -> TitleReading:
    named = None if reading.presumed else reading.seniority
    level = named or (_hinted_level(seniority) if seniority else None) or reading.seniority
    function = reading.function or (classify(department).function if department else None)
    if (level, function) == (reading.seniority, reading.function):
        return reading
    hints = [f"stated level {seniority}"] * (level != reading.seniority)
    hints += [f"stated department {department}"] * (function != reading.function)
    rule = ", ".join([reading.rule, *hints])
    confidence = min(_PRESUMED, reading.confidence or _PRESUMED)
    presumed = reading.presumed and level == reading.seniority
    return TitleReading(level, function, reading.flags, rule, confidence, reading.alternatives, presumed)


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


def _judge(found: Sequence[Segment]) -> TitleReading:
    """Past jobs count only to say that they are past; who supports somebody is not that somebody."""
    current = list(_current(found))
    flags = frozenset(flag for segment in found for flag in segment.flags)
    if not current:
        return TitleReading(Seniority.UNPAID, None, flags, "only former jobs", 0.8)
    flags -= {"former"}
    if support := next((s for s in current if "support" in s.flags), None):
        return TitleReading(Seniority.ENTRY, Function.ADMINISTRATIVE, flags, _phrases([support]), _CONFIDENT)
    jobs = [s for s in current if "board" not in s.flags] or current
    return _reading(jobs, flags)


def _current(found: Sequence[Segment]) -> Iterator[Segment]:
    """The parts that are neither past nor wished for; "former head of sales and marketing" is past as a whole."""
    past = False
    for segment in found:
        past = bool(segment.flags & _NOT_NOW) or (past and segment.joined and segment.pivot is None)
        if not past:
            yield segment


def _reading(jobs: Sequence[Segment], flags: frozenset[str]) -> TitleReading:
    at = min(range(len(jobs)), key=lambda at: _height(jobs[at])) if len(jobs) > 1 else 0
    head = jobs[at]
    presumed = head.pivot is not None and head.pivot.seniority is None and "board" not in head.flags
    level = Seniority.ENTRY if presumed else head.seniority
    function = _function(jobs, at)
    alternatives = tuple(
        Alternative(o.seniority, o.function, o.meaning) for entry in head.entries for o in entry.options[1:]
    )
    if len(jobs) > 1 and len({(job.seniority, job.function) for job in jobs if job.seniority}) > 1:
        flags |= {"several_hats"}
    rule = _phrases(jobs) + (", an occupation without a level" if presumed else "")
    confidence = _PRESUMED if presumed else _CONFIDENT if level and function else _HALF
    if any(entry.options and not entry.options[0].when for entry in head.entries):
        confidence -= _DOUBT
    return TitleReading(level, function, flags, rule, round(confidence, 2), alternatives, presumed)


def _height(segment: Segment) -> int:
    """What makes a part the one that counts: the highest level, then an occupation, then whatever stands first."""
    return rank(segment.pivot) if segment.pivot else LOWEST + 1


def _function(jobs: Sequence[Segment], at: int) -> str | None:
    """The function of the part that counts.

    "Sales and marketing director" begins with the part before it; of "deputy CEO, finance" the part after it counts.
    """
    head = jobs[at]
    first = at
    while first and jobs[first].joined and jobs[first - 1].pivot is None and jobs[first - 1].function:
        first -= 1
    if first < at and not (head.pivot and head.pivot.function):
        return jobs[first].function
    if head.pivot and head.pivot.function == head.function and gives_way(head.pivot, "deputy" in head.flags):
        fields = (job.function for job in jobs[at + 1 :] if job.pivot is None and job.function)
        return next(fields, head.function)
    others = (job.function for job in (*jobs[at + 1 :], *jobs[:at]) if job.function)
    return head.function or next(others, None)


def _phrases(found: Sequence[Segment]) -> str:
    return ", ".join(entry.phrase for segment in found for entry in segment.entries)
