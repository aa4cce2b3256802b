"""What may be sent when: the order that receivers rely on. No I/O of its own.

A turn takes of each group the earliest version that waits, has all of them acknowledged, and only then forgets them. So
a version is sent only when the one before it lies in the topic for good, and a crash repeats at most the version that
was sent last: for each group the topic reads 1, 2, 2, 3, never 1, 2, 1. A repeat has the bytes of the first.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from db.rows import OutboxRow
from schemas.topics import Headers, company_key, update_headers


class Message(NamedTuple):
    """A Kafka record to be."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Waiting(Protocol):
    """The outbox, claimed."""

    def heads(self, limit: int) -> Sequence[OutboxRow]:
        """Of each group the earliest version that waits, the oldest first."""

    def delete(self, sent: Sequence[OutboxRow]) -> None:
        """Forget messages."""


class Sender(Protocol):
    """The way to the topic."""

    def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged all of them; raise when it is not sure."""


def relay_turn(outbox: Waiting, sender: Sender, limit: int) -> int:
    """Send what may be sent now, then forget it.

    Returns:
        How many messages; 0 when nothing waits.
    """
    rows = outbox.heads(limit)
    if rows:
        sender.send([message_of(row) for row in rows])
        outbox.delete(rows)  # dying before this line repeats these rows; forgetting any of them earlier could lose it
    return len(rows)


def message_of(row: OutboxRow) -> Message:
    """A waiting row as the record that other services read."""
    headers = update_headers(row.workspace_id, row.company_id, row.version, row.log_time)
    return Message(row.topic, company_key(row.company_id), row.value, headers)
