"""Publishes changes and hints, and waits until every replica that must have them has them.

librdkafka keeps its reports of deliveries until it is polled. The event loop polls it, a thousand times a second while
reports are missing and never otherwise, and so takes a burst of reports at once. A thread that waits for them would
have to fight the event loop for the interpreter once a report.

A producer that ends with a fatal error (`schemas/producing.py`) is replaced. What it had under way is reported by it
still: refused, unless it was acknowledged before.
"""

import asyncio
import math
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
from schemas.producing import is_fatal

log = structlog.get_logger()

POLL_SECONDS: Final = 0.001
LINGER_MS: Final = 0.5
"""So long a record waits for others, and its webhook with it; `KAFKA_CLIENT_CONFIG` can say otherwise."""
METADATA_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 2.0
REPLACE_SECONDS: Final = 1.0
"""Between two producers: a broker that fails each of them must not get thousands."""
PROOF_SECONDS: Final = 5.0
"""A producer that follows one that failed is trusted when so long has passed without a fatal error, if not before."""


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
        on_replaced: told of each producer that failed for good.
    """

    def __init__(
        self,
        settings: IngressSettings,
        on_records: Callable[[int], object] = lambda _: None,
        on_replaced: Callable[[], object] = lambda: None,
    ) -> None:
        self._topic, self._settings = settings.person_changes_topic, settings
        self._seconds = settings.publish_timeout_seconds
        self._config = settings.producer_config(
            "person-changes-ingress",
            **{
                "linger.ms": settings.kafka_client_config.get("linger.ms", LINGER_MS),
                "message.timeout.ms": round(self._seconds * 1000),
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": 128 * 1024,
                "error_cb": _broker_trouble,
            },
        )
        self._on_records, self._on_replaced = on_records, on_replaced
        self._finished: list[_Waiting] = []
        self._unsettled: deque[_Waiting] = deque()
        self._stuck: deque[tuple[list[Outgoing], _Waiting]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._failed: list[Producer] = []
        self._trouble: str | None = None  # why the last producer failed, until this one has shown that it does not
        self._broken = False  # this one has failed, and it is too soon for another
        self._made_at = -math.inf

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._config)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = self._loop.time() + CLOSE_SECONDS
        while (left := self._missing()) and self._loop.time() < deadline:
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
        self._serve()  # one that nobody appends with may have failed as well
        if self._trouble is not None and not self._broken and self._loop.time() - self._made_at >= PROOF_SECONDS:
            self._trouble = None
        return self._trouble or await asyncio.to_thread(self._look)

    def _produce(self, records: list[Outgoing], waiting: _Waiting) -> bool:
        """Hand records to the client, each out of the list; False when its queue is full before the last one."""
        if self._broken:
            return False
        produce, report = self._producer.produce, waiting.report
        try:
            while records:
                record = records[0]
                produce(record.topic, record.value, record.key, on_delivery=report, headers=record.headers)
                del records[0]
        except BufferError:
            return False
        except KafkaException as error:
            if is_fatal(error):
                return False  # why, it says when it is polled; the next one takes what is left
            waiting.settle(_refusal(error.args[0]))
        return True

    def _look_later(self) -> None:
        """Look for reports in a moment, if any are missing or waited for and nobody does yet."""
        if self._timer is None and (self._unsettled or self._missing()):
            self._timer = self._loop.call_later(POLL_SECONDS, self._collect)

    def _collect(self) -> None:
        """Take the reports that are there, and give up those that have waited too long."""
        self._timer = None
        self._serve()
        burst = self._finished[:]
        self._finished.clear()
        for waiting in burst:
            waiting.settle(_refusal(waiting.error) if waiting.error else None)
        if acknowledged := sum(waiting.records for waiting in burst if waiting.error is None):
            self._on_records(acknowledged)
            if not self._failed:
                self._trouble = None
        now = self._loop.time()
        while self._unsettled and (self._unsettled[0].settled or self._unsettled[0].deadline <= now):
            self._unsettled.popleft().settle(f"the broker did not acknowledge within {self._seconds:g} s")
        self._retry()
        self._look_later()

    def _serve(self) -> None:
        """Take reports, of those that failed too until none is missing, and make another producer when it is time."""
        for failed in self._failed[:]:
            _poll(failed)
            if not len(failed):
                self._failed.remove(failed)
        if (why := _poll(self._producer)) is not None:
            self._broken = True
            self._trouble = f"the producer failed for good; the next must prove itself: {why}"
            log.error("the producer failed for good; another takes its place", why=why)
        if self._broken and self._loop.time() - self._made_at >= REPLACE_SECONDS:
            self._replace()

    def _replace(self) -> None:
        if len(self._producer):
            self._failed.append(self._producer)
        self._producer, self._broken, self._made_at = Producer(self._config), False, self._loop.time()
        self._on_replaced()

    def _missing(self) -> int:
        """How many reports."""
        return len(self._producer) + sum(len(failed) for failed in self._failed)

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


def _poll(producer: Producer) -> str | None:
    """Serve reports; why it failed for good, which it says once."""
    try:
        producer.poll(0)
    except KafkaException as error:
        return str(error.args[0].str())
    return None


def _nothing(_: str | None) -> None:
    """Who was told is told no more."""


def _refusal(error: KafkaError) -> str:
    return f"the broker refused: {error.str()}"


def _broker_trouble(error: KafkaError) -> None:
    log.warning("the broker cannot be reached; the client tries again", why=error.str())
