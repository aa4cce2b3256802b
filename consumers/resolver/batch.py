"""One batch of hints: looked up together, told to companies, and only then settled.

Whatever dies on the way is done again: the changes have the same event ids, so they are duplicates downstream (law L2).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from consumers.engine.erasure import names_of
from consumers.opt_outs import Marks
from consumers.resolver.metrics import ResolverMetrics
from consumers.resolver.resolve import Known, Parked, resolve
from consumers.resolver.settings import ResolverSettings
from consumers.runtime.opt_outs import blanked, forgotten, searches_for
from consumers.runtime.records import Record, headers_as_json
from db.erasure import OptOutRow
from db.hints import HintedPerson, HintKey, HintStore, ParkedRow
from db.rows import DeadLetterRow
from schemas.appender import Appender
from schemas.codec import UndecodableError
from schemas.events import IDENTITY_TYPES, ChangeType, InvalidChangeError, PersonChange
from schemas.hints import PersonHint, decode_hint, decode_unvalidated_hint
from schemas.outgoing import outgoing


class Hinted(NamedTuple):
    """A hint with the bytes that it was read from, and when the broker got it, ms UTC."""

    hint: PersonHint
    value: bytes
    log_time: int


class Batch:
    """What is done with hints, whether they come from the topic or have waited.

    Args:
        store: used by this thread only.
        appender: to the log of changes.
    """

    def __init__(
        self, settings: ResolverSettings, store: HintStore, appender: Appender, metrics: ResolverMetrics
    ) -> None:
        self._settings, self._store, self._appender, self._metrics = settings, store, appender, metrics
        self._marks = Marks(settings.opt_out_keys)

    def records(self, records: Sequence[Record]) -> None:
        """Settle records of the topic.

        Raises:
            NotAppendedError, RetryableDatabaseError: do it again; some of it may have been done.
        """
        hints: list[Hinted] = []
        letters: list[DeadLetterRow] = []
        for record in records:
            try:
                hints.append(Hinted(decode_hint(record.value), record.value or b"", record.timestamp))
            except (UndecodableError, InvalidChangeError) as error:
                letters.append(_letter(record, str(error)))
        self._settle(hints, letters)

    def waiting(self, rows: Iterable[ParkedRow]) -> None:
        """Try hints again that were parked.

        Raises:
            NotAppendedError, RetryableDatabaseError: do it again; some of it may have been done.
        """
        self._settle([Hinted(decode_hint(row.value), row.value, row.log_time) for row in rows], [])

    def _settle(self, hints: Sequence[Hinted], letters: Sequence[DeadLetterRow]) -> None:
        gone = [hinted.hint for hinted in hints if hinted.hint.type == ChangeType.OPTED_OUT]
        self._refuse(gone)
        number = self._store.opt_outs() if letters else 0
        letters = [self._kept(letter) for letter in letters]
        hints, refused = self._split(hints)
        places = self._places(hints)
        changes: list[PersonChange] = []
        parked: dict[HintKey, ParkedRow] = {}
        resolved: dict[HintKey, HintedPerson] = {}
        for hinted in hints:
            who, key = _who(hinted.hint), _key(hinted.hint)
            answer = resolve(hinted.hint, places.get(who, ()))
            if isinstance(answer, Parked):
                reason = answer.reason
                parked[key] = ParkedRow(*key, hinted.hint.type, hinted.log_time, reason, hinted.value)
            else:
                resolved[key] = who
                changes.extend(answer.changes)
        self._metrics.changes.inc(self._appender.append(outgoing(change, self._settings) for change in changes))
        topic, nobody = self._settings.person_hints_topic, {forgotten(hint.source, hint.person.id) for hint in gone}
        self._store.settle(topic, [*parked.values()], [*resolved], [*nobody], letters, number)
        counts = {"resolved": len(resolved), "parked": len(parked), "dead_letter": len(letters), "refused": refused}
        for outcome, count in counts.items():
            self._metrics.hints.labels(outcome).inc(count)

    def _refuse(self, opt_outs: Sequence[PersonHint]) -> None:
        """Before anybody looks where they are known: whoever comes to know them later refuses them."""
        marks = {mark for hint in opt_outs for mark in self._marks.of(hint.source, hint.person)}
        if marks:
            searches = searches_for(name for hint in opt_outs for name in names_of([hint.person]))
            self._store.refuse([OptOutRow(mark, self._marks.key_ids[0]) for mark in sorted(marks)], [*searches])

    def _kept(self, letter: DeadLetterRow) -> DeadLetterRow:
        """A letter as it is kept: of a person who has opted out, only that there was one."""
        try:
            marks = self._known_by(decode_unvalidated_hint(letter.value))
        except UndecodableError:
            marks = self._marks.in_bytes(letter.value)
        return blanked(letter) if self._store.opted_out(sorted(marks)) else letter

    def _split(self, hints: Sequence[Hinted]) -> tuple[list[Hinted], int]:
        """The hints without those about people who opted out, of which nothing is kept, and how many those are."""
        marks = [self._known_by(hinted.hint) for hinted in hints]
        gone = self._store.opted_out(sorted(frozenset[bytes]().union(*marks))) if hints else frozenset()
        kept = [
            hinted
            for hinted, known_by in zip(hints, marks, strict=True)
            if hinted.hint.type == ChangeType.OPTED_OUT or gone.isdisjoint(known_by)
        ]
        return kept, len(hints) - len(kept)

    def _known_by(self, hint: PersonHint) -> frozenset[bytes]:
        known_by = self._marks.known_by(hint.source, hint.person.id, hint.person.linkedin_url, hint.person.email)
        other = hint.changes.get("id") if hint.type in IDENTITY_TYPES else None  # which ids are one person names two
        return known_by | self._marks.known_by(hint.source, other.old, None, None) if other and other.old else known_by

    def _places(self, hints: Sequence[Hinted]) -> dict[HintedPerson, list[Known]]:
        people = list(dict.fromkeys(_who(hinted.hint) for hinted in hints))
        found: dict[HintedPerson, list[Known]] = {who: [] for who in people}
        for row in self._store.known(people) if people else ():
            place = Known(row.company_id, row.person_id, row.present, row.name, row.domain, row.sure)
            found[HintedPerson(row.source, row.hinted)].append(place)
        return found


def _who(hint: PersonHint) -> HintedPerson:
    return HintedPerson(hint.source, hint.person.id)


def _key(hint: PersonHint) -> HintKey:
    return HintKey(hint.source, hint.person.id, hint.event_id)


def _letter(record: Record, reason: str) -> DeadLetterRow:
    return DeadLetterRow(
        record.partition,
        record.offset,
        None,
        record.key,
        record.value,
        headers_as_json(record.headers),
        record.timestamp,
        reason.replace("\x00", "\\0"),
    )
