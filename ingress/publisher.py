"""Publishes changes and hints, and waits until every replica that must have them has them.

librdkafka keeps its reports of deliveries until it is polled. The event loop polls it, a thousand times a second while
reports are missing and never otherwise, and so takes a burst of reports at once. A thread that waits for them would
have to fight the event loop for the interpreter once a report.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from ingress.settings import IngressSettings
from schemas.events import PersonChange
from schemas.hints import PersonHint
from schemas.outgoing import Outgoing, outgoing

log = structlog.get_logger()

POLL_SECONDS: Final = 0.001
METADATA_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 2.0


class NotAcknowledgedError(Exception):
    """The broker did not acknowledge in time; the records may arrive all the same, which the consumer's inbox bears."""


Told = Callable[[str | None], object]
"""Takes why records were not acknowledged; None: they were."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """Records of one request.

    Attributes:
        told: called once, with the last report, or when the time is over.
        deadline: when it is, in the event loop's time.
        finished: where it goes with its last report.
        left: reports that are missing.
        settled: whether `told` was called.
    """

    told: Told
    deadline: float
    finished: "list[_Waiting]"
    records: int
    left: int
    error: KafkaError | None = None
    settled: bool = False

    def report(self, error: KafkaError | None, _: Message) -> None:
        """What became of one of them; called by librdkafka's client while it is polled."""
        self.error = self.error or error
        self.left -= 1
        if self.left == 0:
            self.finished.append(self)

    def settle(self, why: str | None) -> None:
        """Tell the request, unless it was told."""
        if not self.settled:
            self.settled = True
            told, self.told = self.told, _nothing  # its request need not stay here behind those that still wait
            told(why)


class Publisher:
    """One producer, with acks=all and idempotence; a context that must be entered in the event loop that uses it.

    Args:
        settings: where the broker is, and how long to wait for it.
        on_records: told of acknowledged records, in the event loop.
    """

    def __init__(self, settings: IngressSettings, on_records: Callable[[int], object] = lambda _: None) -> None:
        self._topic, self._settings = settings.person_changes_topic, settings
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
        self._finished: list[_Waiting] = []
        self._unsettled: deque[_Waiting] = deque()
        self._stuck: deque[tuple[list[Outgoing], _Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = self._loop.time() + CLOSE_SECONDS
        while (left := len(self._producer)) and self._loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            self._collect()
        if left:
            log.warning("records were not acknowledged before the stop; their senders were told so", records=left)
        if self._timer is not None:
            self._timer.cancel()

    async def publish(self, said: Sequence[PersonChange | PersonHint], traceparent: str | None = None) -> None:
        """Append valid changes to the log and hints to theirs; returns when the broker has acknowledged all of them.

        Raises:
            NotAcknowledgedError: it has not.
        """
        settled: asyncio.Future[str | None] = self._loop.create_future()
        self.append(said, lambda why: None if settled.done() else settled.set_result(why), traceparent)
        if why := await settled:
            raise NotAcknowledgedError(why)

    def append(self, said: Sequence[PersonChange | PersonHint], told: Told, traceparent: str | None = None) -> None:
        """The same for who does not wait.

        Args:
            said: valid changes and hints.
            told: called once, with why they were not acknowledged, or None; must not raise.
            traceparent: the sender's trace context.
        """
        records = [outgoing(one, self._settings, traceparent) for one in said]
        count = len(records)
        waiting = _Waiting(told, self._loop.time() + self._seconds, self._finished, count, count)
        self._unsettled.append(waiting)  # in order of their deadlines, since all wait equally long
        if self._stuck or not self._produce(records, waiting):
            self._stuck.append((records, waiting))
        if self._timer is None:
            self._look_later()

    async def check(self) -> str | None:
        """Why changes cannot be published now; None when they can."""
        return await asyncio.to_thread(self._look)

    def _produce(self, records: list[Outgoing], waiting: _Waiting) -> bool:
        """Hand records to the client, each out of the list; False when its queue is full before the last one."""
        produce, report = self._producer.produce, waiting.report
        try:
            while records:
                record = records[0]
                produce(record.topic, record.value, record.key, on_delivery=report, headers=record.headers)
                del records[0]
        except BufferError:
            return False
        except KafkaException as error:
            waiting.settle(_refusal(error.args[0]))
        return True

    def _look_later(self) -> None:
        """Look for reports in a moment, if any are missing or waited for and nobody does yet."""
        if self._timer is None and (self._unsettled or len(self._producer)):
            self._timer = self._loop.call_later(POLL_SECONDS, self._collect)

    def _collect(self) -> None:
        """Take the reports that are there, and give up those that have waited too long."""
        self._timer = None
        self._producer.poll(0)
        burst = self._finished[:]
        self._finished.clear()
        for waiting in burst:
            waiting.settle(_refusal(waiting.error) if waiting.error else None)
        if acknowledged := sum(waiting.records for waiting in burst if waiting.error is None):
            self._on_records(acknowledged)
        now = self._loop.time()
        while self._unsettled and (self._unsettled[0].settled or self._unsettled[0].deadline <= now):
            self._unsettled.popleft().settle(f"the broker did not acknowledge within {self._seconds:g} s")
        self._retry()
        self._look_later()

    def _retry(self) -> None:
        """Once more for those that found the queue full; the broker is slower than they, their deadline bounds it."""
        while self._stuck and (self._stuck[0][1].settled or self._produce(*self._stuck[0])):
            self._stuck.popleft()

    def _look(self) -> str | None:
        try:
            topics = self._producer.list_topics(self._topic, timeout=METADATA_SECONDS).topics
        except KafkaException as error:
            return f"the broker cannot be reached: {error.args[0].str()}"
        found = topics.get(self._topic)
        if found is None or found.error is not None:
            return f"topic {self._topic} cannot be written: {found.error if found else 'it is not there'}"
        return None


def _nothing(_: str | None) -> None:
    """Who was told is told no more."""


def _refusal(error: KafkaError) -> str:
    return f"the broker refused: {error.str()}"


def _broker_trouble(error: KafkaError) -> None:
    log.warning("the broker cannot be reached; the client tries again", why=error.str())
