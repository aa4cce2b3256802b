"""Publishes changes and waits until every replica that must have them has them.

librdkafka reports deliveries to the thread that polls it. Each burst of reports wakes the event loop once, not once a
message: at thousands of webhooks a second the wake-ups would cost more than the webhooks.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingress.settings import IngressSettings
from schemas.codec import encode_change
from schemas.events import PersonChange
from schemas.topics import change_headers, company_key

log = structlog.get_logger()

POLL_SECONDS: Final = 0.1
FULL_QUEUE_PAUSE_SECONDS: Final = 0.01
METADATA_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 2.0


class NotAcknowledgedError(Exception):
    """The broker did not acknowledge in time; the records may arrive all the same, which the consumer's inbox bears."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """Records of one request; counted down by the polling thread alone."""

    acknowledged: "asyncio.Future[None]"
    records: int
    left: int
    error: KafkaError | None = None

    def delivered(self, error: KafkaError | None) -> bool:
        """Whether this was the last report."""
        self.error = self.error or error
        self.left -= 1
        return self.left == 0


class Publisher:
    """One producer, with acks=all and idempotence; a context that must be entered in the event loop that uses it.

    Args:
        settings: where the broker is, and how long to wait for it.
        on_records: told of acknowledged records, in the event loop.
    """

    def __init__(self, settings: IngressSettings, on_records: Callable[[int], object] = lambda _: None) -> None:
        self._topic = settings.person_changes_topic
        self._seconds = settings.publish_timeout_seconds
        self._config = settings.producer_config(
            "person-changes-ingress",
            **{
                "message.timeout.ms": round(self._seconds * 1000),
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 128 * 1024,
                "error_cb": _broker_trouble,
            },
        )
        self._on_records = on_records
        self._stopping = threading.Event()
        self._finished: list[_Waiting] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config)
        self._thread = threading.Thread(target=self._poll, name="deliveries", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        left = await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
        if left:
            log.warning("records were not acknowledged before the stop; their senders were told so", records=left)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    async def publish(self, changes: Sequence[PersonChange], traceparent: str | None = None) -> None:
        """Append changes to the log; returns when the broker has acknowledged all of them.

        Raises:
            InvalidChangeError: a change breaks a limit of the contract; nothing was published.
            NotAcknowledgedError: it has not.
        """
        records = [self._record(change, traceparent) for change in changes]
        waiting = _Waiting(self._loop.create_future(), len(records), len(records))
        try:
            async with asyncio.timeout(self._seconds):
                for record in records:
                    await self._produce(record, waiting)
                await waiting.acknowledged
        except TimeoutError:
            raise NotAcknowledgedError(f"the broker did not acknowledge within {self._seconds:g} s") from None
        except KafkaException as error:
            raise NotAcknowledgedError(f"the broker refused: {error.args[0].str()}") from error
        if waiting.error is not None:
            raise NotAcknowledgedError(f"the broker refused: {waiting.error.str()}")

    async def check(self) -> str | None:
        """Why changes cannot be published now; None when they can."""
        return await asyncio.to_thread(self._look)

    def _record(self, change: PersonChange, traceparent: str | None) -> dict[str, Any]:
        return {
            "key": company_key(change.company.id),
            "value": encode_change(change),
            "headers": change_headers(change, traceparent),
        }

    async def _produce(self, record: dict[str, Any], waiting: _Waiting) -> None:
        def report(error: KafkaError | None, _: Message) -> None:
            if waiting.delivered(error):
                self._finished.append(waiting)

        while True:
            try:
                self._producer.produce(self._topic, on_delivery=report, **record)
            except BufferError:  # the broker is slower than the senders; their deadline bounds this
                await asyncio.sleep(FULL_QUEUE_PAUSE_SECONDS)
            else:
                return

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)
            if self._finished:
                burst, self._finished = self._finished, []
                self._loop.call_soon_threadsafe(self._settle, burst)

    def _settle(self, burst: list[_Waiting]) -> None:
        for waiting in burst:
            if not waiting.acknowledged.done():  # done: its request has been given up
                waiting.acknowledged.set_result(None)
        self._on_records(sum(waiting.records for waiting in burst if waiting.error is None))

    def _look(self) -> str | None:
        try:
            topics = self._producer.list_topics(self._topic, timeout=METADATA_SECONDS).topics
        except KafkaException as error:
            return f"the broker cannot be reached: {error.args[0].str()}"
        found = topics.get(self._topic)
        if found is None or found.error is not None:
            return f"topic {self._topic} cannot be written: {found.error if found else 'it is not there'}"
        return None


def _broker_trouble(error: KafkaError) -> None:
    log.warning("the broker cannot be reached; the client tries again", why=error.str())
