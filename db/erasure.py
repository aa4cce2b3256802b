"""Rows of what is erased, and of what is kept of it; the statements are in `db/queries/erasure.sql`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from db.arrays import columns

WHO_THEY_ARE: Final = ("erase_people", "erase_employments", "erase_choices")
WHAT_GROUPS_SAY: Final = ("erase_members", "erase_past_members", "erase_changes")
WHAT_THEY_WERE_A_PART_OF: Final = ("erase_past_members_made_of", "erase_changes_made_of")


PATTERNS_AT_ONCE: Final = 24
"""A connection remembers the last 32 regular expressions it has read; with more a statement reads each anew a row."""


class ErasedRow(NamedTuple):
    """A person who is to be erased at a company."""

    company_id: str
    person_id: str


class ErasedEventsRow(NamedTuple):
    """Ids of events that name somebody.

    Attributes:
        patterns: regular expressions that find them, in any case.
        kafka_partition: of the opt-out.
        kafka_offset: the same; what follows it is another batch's, or might be.
        log_time: of the opt-out, ms.
    """

    company_id: str
    patterns: tuple[str, ...]
    kafka_partition: int
    kafka_offset: int
    log_time: int


class OptOutRow(NamedTuple):
    """A mark of somebody who opted out, and which key made it."""

    mark: bytes
    key_id: bytes


class PlaceRow(NamedTuple):
    """From which record on a company's changes with a mark are ignored."""

    company_id: str
    mark: bytes
    kafka_partition: int
    kafka_offset: int


class MarkKey(NamedTuple):
    """A mark in a change of a company."""

    company_id: str
    mark: bytes


class MessageRow(NamedTuple):
    """A message for other services that has not been told yet, as it shall be."""

    company_id: str
    workspace_id: str
    version: int
    value: bytes


class ToldTogetherRow(NamedTuple):
    """Of a message, whom it names for several ids that were held for one person, and these."""

    company_id: str
    workspace_id: str
    version: int
    person_id: str | None
    made_of: tuple[str, ...]


class ForgottenRow(NamedTuple):
    """Somebody of whom nothing may wait.

    Attributes:
        source: who knows them by this id; None: whoever does.
    """

    source: str | None
    person_id: str


class CallRow(NamedTuple):
    """An opt-out that other companies must hear of, as a hint's record."""

    source: str
    person_id: str
    event_id: str
    log_time: int
    value: bytes


class SearchRow(NamedTuple):
    """Names that are to be searched for in what nobody could read."""

    names: tuple[str, ...]


@dataclass(slots=True)
class Erasures:
    """What a batch erases, and keeps of it; nothing at all in most batches.

    Attributes:
        number: of the latest opt-out that the batch knows; None: it need not know any.
        people: who they are.
        known_as: the same under ids that groups have known them by, but that are somebody else's.
        outbox: messages that wait, as they shall be.
        letters: of a fold aside: regular expressions that find the people in its dead letters.
        searches: of live: what is to be searched afterwards.
    """

    number: int | None = None
    people: list[ErasedRow] = field(default_factory=list)
    known_as: list[ErasedRow] = field(default_factory=list)
    events: list[ErasedEventsRow] = field(default_factory=list)
    outbox: list[MessageRow] = field(default_factory=list)
    letters: Sequence[str] = ()
    searches: list[SearchRow] = field(default_factory=list)
    hints: list[ForgottenRow] = field(default_factory=list)
    opt_outs: list[OptOutRow] = field(default_factory=list)
    places: list[PlaceRow] = field(default_factory=list)
    calls: list[CallRow] = field(default_factory=list)

    def statements(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Names and parameters, in order; to follow all else that the batch writes, which ends with its opt-out."""
        if self.people:
            people, known_as = columns(ErasedRow, self.people), columns(ErasedRow, [*self.people, *self.known_as])
            yield from ((name, people) for name in (*WHO_THEY_ARE, *WHAT_THEY_WERE_A_PART_OF))
            yield from ((name, known_as) for name in WHAT_GROUPS_SAY)
        for row in self.events:
            for some in at_once(row.patterns):
                events = columns(ErasedEventsRow, [row._replace(patterns=tuple(some))])
                yield from ((name, events) for name in ("erase_events", "erase_causes"))
        lists: list[tuple[tuple[str, ...], type[NamedTuple], list[Any]]] = [
            (("rewrite_outbox",), MessageRow, self.outbox),
            (("erase_hints",), ForgottenRow, self.hints),
            (("keep_opt_outs",), OptOutRow, self.opt_outs),
            (("keep_opt_out_places",), PlaceRow, self.places),
            (("call_others",), CallRow, self.calls),
            (("keep_searches",), SearchRow, self.searches),
        ]
        for names, kind, rows in lists:
            if rows:
                yield from ((name, columns(kind, rows)) for name in names)
        yield from (("erase_letters", {"patterns": some}) for some in at_once(self.letters))


def at_once(patterns: Sequence[str]) -> Iterator[list[str]]:
    """As many of them at a time as one statement may search for."""
    for start in range(0, len(patterns), PATTERNS_AT_ONCE):
        yield list(patterns[start : start + PATTERNS_AT_ONCE])
