"""What became of each record (law L7): rows of the inbox and of the letter box, and names by coordinates. Pure."""

from typing import assert_never

from consumers.engine.state import (
    DeadLettered,
    Deferred,
    Delivery,
    Duplicate,
    Folded,
    Identity,
    Ignored,
    Outcome,
    Refreshed,
    Superseded,
)
from consumers.runtime.records import Record, headers_as_json
from db.rows import BatchWrites, DeadLetterRow, EventRow, RedeliveryRow
from schemas.values import maker

_event = maker(EventRow)


class Ledger:
    """Outcomes as rows, and by coordinates."""

    def __init__(self, writes: BatchWrites) -> None:
        self._writes = writes
        self.names: dict[tuple[int, int], str] = {}
        self.letters: dict[tuple[int, int], str] = {}

    def company(self, company_id: str, folded: Folded) -> None:
        """A company's outcomes: one inbox row a change, however often the batch has it."""
        first: dict[Identity, EventRow] = {}
        again: dict[Identity, int] = {}
        for delivery, outcome in folded.outcomes:
            place, identity = (delivery.partition, delivery.offset), delivery.identity
            name, reason, due = _describe(outcome)
            self.names[place] = name
            if isinstance(outcome, Duplicate):
                again[identity] = again.get(identity, 0) + 1
            elif isinstance(outcome, DeadLettered):
                self.letters[place] = outcome.reason
            else:
                # Of a change that was forgotten in between, the last row counts, as if the batch had been cut there.
                again.pop(identity, None)
                first[identity] = _event_row(company_id, delivery, name, reason, due)
        for identity in first.keys() & again.keys() if again else ():
            first[identity] = first[identity]._replace(deliveries=1 + again.pop(identity))
        self._writes.events.extend(first.values())
        self._writes.redeliveries.extend(RedeliveryRow(company_id, *key, count) for key, count in again.items())


def _describe(outcome: Outcome) -> tuple[str, str | None, int | None]:
    """An outcome's name, reason, and the refresh that covers it (ms)."""
    match outcome:
        case Deferred(until):  # most are
            return "deferred", "too soon after the last refresh; on the roster already", until
        case Refreshed(at):
            return "refreshed", None, at
        case Superseded(reason):
            return "superseded", reason, None
        case Ignored(reason):
            return "ignored", reason, None
        case Duplicate():
            return "duplicate", None, None
        case DeadLettered(reason):
            return "dead_letter", reason, None
        case _:
            assert_never(outcome)


def _event_row(company_id: str, d: Delivery, name: str, reason: str | None, due: int | None) -> EventRow:
    c = d.change
    says, times = (company_id, c.source, c.event_id, c.type), (c.occurred_at, c.received_at, d.log_time)
    return _event((*says, *times, name, reason, due, d.partition, d.offset, 1))


def letter_row(record: Record, log_time: int, company_id: str | None, reason: str) -> DeadLetterRow:
    """A record that could not be applied, whole."""
    place = (record.partition, record.offset)
    headers = headers_as_json(record.headers)
    return DeadLetterRow(*place, company_id, record.key, record.value, headers, log_time, reason.replace("\x00", "\\0"))
