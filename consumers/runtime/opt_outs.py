"""Opt-outs around the fold: whose changes are refused, and what an erasure is in rows.

Marks are made only once somebody has opted out, or while a batch has an opt-out; until then a batch pays for one count.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from consumers.buyer_group import Kind
from consumers.engine.erasure import is_counter, joined, mentions, patterns_of
from consumers.engine.spellings import spellings
from consumers.engine.state import Delivery, Erasure, Folded
from consumers.opt_outs import Marks
from consumers.runtime.records import Read, is_opt_out
from db.erasure import (
    CallRow,
    ErasedEventsRow,
    ErasedRow,
    Erasures,
    ForgottenRow,
    MarkKey,
    MessageRow,
    OptOutRow,
    PlaceRow,
    SearchRow,
    ToldTogetherRow,
)
from db.rows import BatchWrites, DeadLetterRow, GroupChangeRow
from db.searches import NAMES_AT_ONCE
from db.store import Rosters, Store
from schemas.codec import Codec, Registry, UndecodableError, decode_unvalidated
from schemas.events import IDENTITY_TYPES, ChangeType, Movement, Person, PersonChange
from schemas.hints import PersonHint, encode_hint

ERASED_LETTER: Final = "its person opted out; nothing of the record is kept"
_NOBODY: Final = frozenset[bytes]()


class UnknownOptOutKeyError(RuntimeError):
    """People opted out under a key that this process has not: it would let them in again."""


@dataclass(slots=True)
class OptOuts:
    """What one processor knows of opt-outs.

    Args:
        store: of the batches.
        marks: makes the marks of people.
        aside: whether the log is folded aside: then nothing is decided, what live has decided is done again.
        registry: reads records in the Confluent wire format; its outages pass through, so nothing is kept meanwhile.
    """

    store: Store
    marks: Marks
    aside: bool = False
    registry: Registry | None = None
    _count: int = 0
    _opted_out: frozenset[bytes] = _NOBODY
    _needed: bool = False

    def asked(self, reads: Sequence[Read]) -> frozenset[bytes]:
        """The marks of everybody whom a batch names; none as long as nobody has opted out.

        Args:
            reads: of the batch; an opt-out is the last of them, if there is one.
        """
        self._needed = self._count > 0 or any(map(is_opt_out, reads[-1:]))
        return self._marks_in(reads) if self._needed else _NOBODY

    def decide(self, reads: Sequence[Read], loaded: Rosters, changes: Mapping[str, list[Delivery]]) -> None:
        """Give the batch's deliveries their marks, and whether they are refused; in place.

        Raises:
            UnknownOptOutKeyError: see there.
        """
        self._opted_out = loaded.opted_out
        if loaded.opt_outs != self._count:
            # Also later: whoever made the newest marks may have been started with a key that this process lacks.
            self._check_keys()
        if loaded.opt_outs and not self._count:
            self._opted_out, self._needed = self.store.opted_out(self._marks_in(reads)), True
        self._count = loaded.opt_outs
        if not self._needed:
            return
        marked = {company_id: [self._marked(d) for d in deliveries] for company_id, deliveries in changes.items()}
        places = self._places(marked) if self.aside else None
        for company_id, deliveries in marked.items():
            changes[company_id][:] = [d._replace(refused=self._refused(company_id, d, places)) for d in deliveries]

    def letter(self, row: DeadLetterRow) -> DeadLetterRow:
        """A letter as it is kept: of a person who has opted out, only that there was one."""
        if not self._opted_out or self._opted_out.isdisjoint(self._in_letter(row.value)):
            return row
        return blanked(row)

    def _marks_in(self, reads: Iterable[Read]) -> frozenset[bytes]:
        marks = (self._in_letter(r.record.value) if r.unreadable else self._marks_of(r.said) for r in reads)
        return _NOBODY.union(*marks)

    def _in_letter(self, value: bytes | None) -> frozenset[bytes]:
        """Of what says something, if against the contract, whom it names; of other bytes, whomever they may name."""
        try:
            return self._marks_of(decode_unvalidated(value, self.registry))
        except UndecodableError:
            return self.marks.in_bytes(value)

    def _marks_of(self, change: PersonChange | None) -> frozenset[bytes]:
        if change is None:
            return _NOBODY
        return _NOBODY.union(*(self._known_by(change.source, who) for who in _people(change)))

    def _known_by(self, source: str, person: Person) -> frozenset[bytes]:
        return self.marks.known_by(source, person.id, person.linkedin_url, person.email)

    def _marked(self, delivery: Delivery) -> Delivery:
        return delivery._replace(marks=self._marks_of(delivery.change))

    def _refused(self, company_id: str, d: Delivery, places: Mapping[tuple[str, bytes, int], int] | None) -> bool:
        """Live refuses what it knows of; aside, what live refused: from the same record on (law L6)."""
        if places is None:
            return not self._opted_out.isdisjoint(d.marks)
        firsts = (places.get((company_id, mark, d.partition)) for mark in d.marks)
        return any(first is not None and first <= d.offset for first in firsts)

    def _places(self, changes: Mapping[str, list[Delivery]]) -> dict[tuple[str, bytes, int], int]:
        keys = {MarkKey(company_id, mark) for company_id, ds in changes.items() for d in ds for mark in d.marks}
        return {(row.company_id, row.mark, row.kafka_partition): row.kafka_offset for row in self._read(keys)}

    def _read(self, keys: Iterable[MarkKey]) -> list[PlaceRow]:
        return self.store.opt_out_places([*keys])

    def _check_keys(self) -> None:
        if missing := self.store.opt_out_key_ids(self._count) - set(self.marks.key_ids):
            raise UnknownOptOutKeyError(
                f"OPT_OUT_KEY lacks {len(missing)} of the keys that people opted out under, so they would come back: "
                "add the old keys behind the new one, separated by commas"
            )

    def rows(self, folds: Mapping[str, Folded], writes: BatchWrites, codec: Codec) -> None:
        """What the batch erases and refuses, as rows."""
        into = writes.erasures
        if not self.aside:
            into.number = self._count
            into.places.extend(_first_places(folds, self._opted_out))
        erasures = {company_id: folded.erasures for company_id, folded in folds.items() if folded.erasures}
        if erasures:
            self._erase(erasures, writes, codec)

    def _erase(self, erasures: Mapping[str, Sequence[Erasure]], writes: BatchWrites, codec: Codec) -> None:
        into = writes.erasures
        for company_id, each in erasures.items():
            into.people.extend({ErasedRow(company_id, person_id) for e in each for person_id in e.person_ids})
            into.known_as.extend({ErasedRow(company_id, person_id) for e in each for person_id in e.known_as})
            into.events.append(_events(company_id, each))
        messages = [MessageRow(row.company_id, row.workspace_id, row.version, row.value) for row in writes.outbox]
        together = _told_together(chain(self.store.told_together(erasures), writes.changes))
        for message in chain(self.store.outbox(erasures), messages):
            if message.company_id in erasures:
                told = together.get(message[:3], {})
                into.outbox.extend(_rewritten(message, erasures[message.company_id], told, codec))
        every = [e for each in erasures.values() for e in each]
        names = [name for e in every for name in e.names]
        if self.aside:
            into.letters = bytes_patterns(names)
        else:
            into.searches.extend(searches_for(names))
            _keep(into, every, self.marks.key_ids[0])


def blanked(row: DeadLetterRow) -> DeadLetterRow:
    """A letter of which nothing is kept but that there was one."""
    return row._replace(key=None, value=None, headers="[]", reason=ERASED_LETTER)


def _keep(into: Erasures, erasures: Sequence[Erasure], key_id: bytes) -> None:
    """What is erased and kept outside of what the log makes."""
    for e in erasures:
        into.hints.extend(forgotten(source, person_id) for source in e.sources for person_id in e.person_ids)
        into.opt_outs.extend(OptOutRow(mark, key_id) for mark in sorted(e.marks))
        company_id, place = e.delivery.change.company.id, (e.delivery.partition, e.delivery.offset)
        into.places.extend(PlaceRow(company_id, mark, *place) for mark in sorted(e.marks))
        # What came by a hint has been said to every company that knows them.
        if e.delivery.change.movement is not Movement.UNSTATED:
            into.calls.extend(_call(e, source, person_id) for source in e.sources for person_id in e.person_ids)
    into.opt_outs = list(dict.fromkeys(into.opt_outs))


def _first_places(folds: Mapping[str, Folded], opted_out: frozenset[bytes]) -> Iterable[PlaceRow]:
    """Where refusals of the batch begin, by mark."""
    first: dict[tuple[str, bytes, int], PlaceRow] = {}
    for company_id, folded in folds.items():
        for delivery, _ in folded.outcomes if opted_out else ():
            for mark in delivery.marks & opted_out:
                key = (company_id, mark, delivery.partition)
                first.setdefault(key, PlaceRow(*key, delivery.offset))
    return first.values()


def _events(company_id: str, erasures: Sequence[Erasure]) -> ErasedEventsRow:
    last = erasures[-1].delivery
    patterns = patterns_of(dict.fromkeys(name for e in erasures for name in e.names))
    return ErasedEventsRow(company_id, patterns, last.partition, last.offset, last.log_time)


def _told_together(
    lines: Iterable[ToldTogetherRow | GroupChangeRow],
) -> Mapping[tuple[str, str, int], dict[str, tuple[str, ...]]]:
    """By message, and by the id that it names, all ids whose state it tells there; where there are several."""
    found: dict[tuple[str, str, int], dict[str, tuple[str, ...]]] = defaultdict(dict)
    for line in lines:
        if line.made_of and line.person_id:
            found[line.company_id, line.workspace_id, line.version][line.person_id] = line.made_of
    return found


def _rewritten(
    message: MessageRow, erasures: Sequence[Erasure], together: Mapping[str, tuple[str, ...]], codec: Codec
) -> Iterable[MessageRow]:
    """The message without the erased people, unless it tells of none of them."""
    gone = {person_id for e in erasures for person_id in e.person_ids}
    ids = gone.union(*(e.known_as for e in erasures), (who for who, of in together.items() if gone.intersection(of)))
    names = tuple(dict.fromkeys(name for e in erasures for name in e.names))
    said = codec.decode(message.value)
    lists = {
        name: [_nobody(c) if _is_of(c, ids) else c for c in said[name]] for name in ("changes", "settings_changes")
    }
    event_ids = ["erased" if mentions(event_id, names) else event_id for event_id in said["cause"]["event_ids"]]
    after = {**said, **lists, "cause": {**said["cause"], "event_ids": event_ids}}
    if after != said:
        yield message._replace(value=codec.encode(after))


def _is_of(change: Mapping[str, object], ids: set[str]) -> bool:
    told = {change["person_id"], change["before"], change["after"]}
    if change["kind"] == Kind.IDENTITY_CORRECTED:
        told.add(str(change["why"]).rpartition(" ")[2])
    return not ids.isdisjoint(told)


def _nobody(change: Mapping[str, object]) -> dict[str, object]:
    """The same kind of change, of nobody."""
    return dict.fromkeys(change) | {"kind": change["kind"], "why": "erased"}


def _call(e: Erasure, source: str, person_id: str) -> CallRow:
    """The opt-out as the hint that it would have been, had it come without a company."""
    c = e.delivery.change
    hint = PersonHint(c.event_id, source, ChangeType.OPTED_OUT, c.occurred_at, c.received_at, Person(person_id))
    return CallRow(source, person_id, c.event_id, e.delivery.log_time, encode_hint(hint))


def forgotten(source: str, person_id: str) -> ForgottenRow:
    """Whose hints must not wait any more."""
    return ForgottenRow(source if is_counter(person_id) else None, person_id)


def searches_for(names: Iterable[str]) -> Iterable[SearchRow]:
    """What is to be searched for these, so many at a time that a page does not take long."""
    wanted = sorted({*names})
    for start in range(0, len(wanted), NAMES_AT_ONCE):
        yield SearchRow(tuple(wanted[start : start + NAMES_AT_ONCE]))


def bytes_patterns(names: Iterable[str]) -> tuple[str, ...]:
    """Regular expressions for bytes as PostgreSQL's `encode(…, 'escape')` writes them, and for texts.

    A profile is found in any spelling of its address, other slashes and hosts included, and is not a part of another.
    """
    return joined(dict.fromkeys(pattern for name in names for pattern in spellings(name)))


def _people(change: PersonChange) -> list[Person]:
    """Whom a change names, valid or not; one that says who is who names two."""
    if change.person is None:
        return []
    other = change.changes.get("id") if change.type in IDENTITY_TYPES else None
    return [change.person, Person(other.old)] if other and other.old else [change.person]
