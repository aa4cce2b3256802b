"""One batch of hints: looked up together, told to companies, and only then settled.

Whatever dies on the way is done again: the changes have the same event ids, so they are duplicates downstream (law L2).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from consumers.resolver.metrics import ResolverMetrics
from consumers.resolver.resolve import Known, Parked, resolve
from consumers.runtime.records import Record, headers_as_json
from db.hints import HintedPerson, HintKey, HintStore, ParkedRow
from db.rows import DeadLetterRow
from schemas.appender import Appender
from schemas.codec import UndecodableError
from schemas.events import ChangeType, InvalidChangeError, PersonChange
from schemas.hints import PersonHint, decode_hint
from schemas.outgoing import outgoing
from schemas.settings import KafkaSettings


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

    def __init__(self, settings: KafkaSettings, store: HintStore, appender: Appender, metrics: ResolverMetrics) -> None:
        self._settings, self._store, self._appender, self._metrics = settings, store, appender, metrics

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
        gone = {_who(h.hint) for h in hints if h.hint.type == ChangeType.OPTED_OUT}
        topic = self._settings.person_hints_topic
        self._store.settle(topic, [*parked.values()], [*resolved], [*gone], letters)
        for outcome, count in (("resolved", len(resolved)), ("parked", len(parked)), ("dead_letter", len(letters))):
            self._metrics.hints.labels(outcome).inc(count)

    def _places(self, hints: Sequence[Hinted]) -> dict[HintedPerson, list[Known]]:
        people = list(dict.fromkeys(_who(hinted.hint) for hinted in hints))
        found: dict[HintedPerson, list[Known]] = {who: [] for who in people}
        for row in self._store.known(people) if people else ():
            place = Known(row.company_id, row.person_id, row.present, row.name, row.domain)
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
