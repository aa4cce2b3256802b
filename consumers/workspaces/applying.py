"""What follows from a new policy version: refreshes of the groups that it changes, asked for in the log."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from schemas.appender import NotAppendedError
from schemas.codec import Codec
from schemas.events import MAX_ID_BYTES, ChangeType, Company, PersonChange
from schemas.settings import KafkaSettings
from schemas.topics import tick_headers

SOURCE: Final = "workspace-policy"
_PATIENCE_SECONDS: Final = 30.0
_LONGEST_SLEEP_SECONDS: Final = 1.0


def requests(
    workspace_id: str, version: int, company_ids: Iterable[str], by: str | None, now: int
) -> Iterator[PersonChange]:
    """A request for a refresh of each company. The same version asks with the same ids, so it has one effect.

    A refresh is of a company, so it is of all workspaces that track it; groups that stay as they are get no version.
    """
    for company_id in company_ids:
        yield PersonChange(
            event_id=event_id(workspace_id, version, company_id),
            source=SOURCE,
            type=ChangeType.REFRESH_REQUESTED,
            occurred_at=now,
            received_at=now,
            company=Company(company_id),
            workspace_id=workspace_id,
            requested_by=by,
        )


def event_id(workspace_id: str, version: int, company_id: str) -> str:
    """`<workspace>:<version>:<company>`; where that is too long for an id, a digest of the workspace and company."""
    plain = f"{workspace_id}:{version}:{company_id}"
    if len(plain.encode()) <= MAX_ID_BYTES:
        return plain
    digest = hashlib.sha256(f"{workspace_id}\x1f{company_id}".encode()).hexdigest()
    return f"sha256:{version}:{digest}"


def wait_for_log_time(settings: KafkaSettings, at: int, name: str) -> int:
    """Wait until the log has come to a time: what is appended from then on is folded by the version that counts then.

    The broker says what time it is, in its answers to ticks; nobody's own clock is asked.

    Args:
        settings: where the log is.
        at: log time, ms.
        name: who asks.

    Returns:
        The log's time.

    Raises:
        NotAppendedError: the broker does not answer, or its clock does not come to that time.
    """
    producer = Producer(settings.producer_config(name, **{"linger.ms": 0, "message.timeout.ms": 10_000}))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (now := _stamp(producer, settings.person_changes_topic, name)) < at:
        if time.monotonic() > deadline:
            raise NotAppendedError(f"the log's time is still {(at - now) / 1000:.1f} s short of the version's")
        time.sleep(min((at - now) / 1000 + 0.001, _LONGEST_SLEEP_SECONDS))
    return now


def _stamp(producer: Producer, topic: str, name: str) -> int:
    """The time that the broker gives a tick."""
    told: list[int] = []
    errors: list[str] = []

    def report(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            errors.append(error.str())
        else:
            told.append(message.timestamp()[1])

    now = time.time_ns() // 1_000_000
    value = Codec("tick").encode({"sent_by": name, "sent_at": now})
    producer.produce(topic, value, partition=0, headers=tick_headers(name, now), on_delivery=report)
    producer.flush(_PATIENCE_SECONDS)
    if not told:
        raise NotAppendedError(errors[0] if errors else "the broker did not answer a tick")
    return told[0]
