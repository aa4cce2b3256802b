"""One consumer process: puts the parts together, runs the loop, stops in order."""

import gc
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from consumers.buyer_group import read_vocabulary
from consumers.runtime.breaker import Judge
from consumers.runtime.health import HealthServer
from consumers.runtime.intake import LogError
from consumers.runtime.lanes import Lane
from consumers.runtime.log_retention import watch_log_retention
from consumers.runtime.loop import Loop
from consumers.runtime.metrics import Metrics
from consumers.runtime.opt_outs import UnknownOptOutKeyError
from consumers.runtime.processor import Processor, TooManyDeadLettersError
from consumers.runtime.searching import Searching
from consumers.runtime.stopping import stopped_by_signals
from consumers.runtime.ticks import ticker_for
from consumers.runtime.worker import Worker
from consumers.settings import ConsumerSettings
from consumers.workspaces.reading import UnreadablePolicyError
from db.errors import FatalDatabaseError
from db.searches import Searches
from db.store import Store

log = structlog.get_logger()

STALLED_SECONDS: Final = 60.0
"""The loop turns many times a second; one that has not for so long is stuck, and the process should be restarted."""
NO_PARTITION_SECONDS: Final = 15.0
"""A consumer without a partition is ready after this: there may be more consumers than partitions."""
WORKER_STOP_SECONDS: Final = 1.0
COLLECT_AFTER: Final = 1_000_000
"""New objects before Python looks for cycles among them."""
_EXPECTED: Final = (
    *(LogError, TooManyDeadLettersError, UnknownOptOutKeyError, FatalDatabaseError, KafkaException),
    UnreadablePolicyError,
)


def run_consumer(settings: ConsumerSettings) -> int:
    """Consume until SIGINT or SIGTERM; a second signal kills at once.

    Returns:
        The exit code: 0 after an orderly stop, 1 when the process cannot go on; the log says why.
    """
    with stopped_by_signals() as stop:
        try:
            consume(settings, stop)
        except _EXPECTED as error:
            log.error("the consumer cannot go on", why=str(error), kind=type(error).__name__)  # noqa: TRY400  # no bug, no trace
            return 1
        except OSError as error:
            log.error("the consumer cannot start", why=str(error), setting="CONSUMER_HTTP_PORT")  # noqa: TRY400
            return 1
    log.info("the consumer has stopped")
    return 0


def consume(settings: ConsumerSettings, stop: threading.Event, clock: Callable[[], int] = time.time_ns) -> None:
    """Consume until `stop` is set.

    Args:
        settings: of this process.
        stop: set when it shall end.
        clock: wall-clock time, ns UTC; nothing is decided by it.

    Raises:
        LogError, TooManyDeadLettersError, UnknownOptOutKeyError, FatalDatabaseError, KafkaException: it cannot go on.
        OSError: the health port is taken.
        ValueError: the vocabulary of titles is wrong.
    """
    # Before the first record: a wrong vocabulary must stop the start, not make every change a dead letter.
    read_vocabulary()
    _collect_rarely()
    watch_log_retention(settings, stop)
    health, metrics = _Health(), Metrics()
    with ExitStack() as stack:
        ticker = stack.enter_context(closing(ticker_for(settings, _name(), metrics.ticks.inc, clock)))
        troubles = partial(_note, health, metrics)
        judge = Judge(settings.dead_letter_run_limit, settings.dead_letter_ratio_limit)
        lanes = [_lane(number, settings, clock, troubles, judge, stack) for number in range(settings.consumer_lanes)]
        searching = _searching(settings, metrics, stack)
        loop = Loop(_consumer(settings), lanes, ticker, searching, metrics, settings)
        health.loop = loop
        if settings.consumer_http_port:
            where = (settings.consumer_http_host, settings.consumer_http_port)
            stack.enter_context(closing(HealthServer(*where, health.live, health.ready, metrics.registry)))
        loop.run(stop.is_set)


def _lane(
    number: int,
    settings: ConsumerSettings,
    clock: Callable[[], int],
    note: Callable[[int, Exception | None], None],
    judge: Judge,
    stack: ExitStack,
) -> Lane:
    """A lane with a connection and a thread of its own, which end with the stack."""
    store = stack.enter_context(
        Store(settings.database_url.get_secret_value(), settings.database_statement_timeout_seconds)
    )
    worker = Worker(partial(note, number))
    stack.callback(worker.close, WORKER_STOP_SECONDS)
    return Lane(number, Processor(store, settings, clock=lambda: clock() // 1000, judge=judge), worker)


def _searching(settings: ConsumerSettings, metrics: Metrics, stack: ExitStack) -> Searching:
    """On a connection and a thread of its own, which end with the stack; no record waits for it."""
    searches = stack.enter_context(
        Searches(settings.database_url.get_secret_value(), settings.database_statement_timeout_seconds)
    )
    worker = Worker(lambda trouble: metrics.trouble(trouble) if trouble is not None else None)
    stack.callback(worker.close, WORKER_STOP_SECONDS)
    return Searching(searches, worker, metrics.searches.set, metrics.trouble)


def _collect_rarely() -> None:
    """A batch is a hundred thousand values without a cycle: looking for one among them took a third of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 10, 10)


@dataclass(slots=True)
class _Health:
    """What the probes are told."""

    loop: Loop | None = None
    troubles: dict[int, str] = field(default_factory=dict)
    started_at: float = field(default_factory=time.monotonic)

    def live(self) -> str | None:
        since = time.monotonic() - (self.loop.turned_at if self.loop else self.started_at)
        return f"the loop has not turned for {since:.0f} s" if since > STALLED_SECONDS else None

    def ready(self) -> str | None:
        if troubles := [*self.troubles.values()]:
            return f"records wait: {troubles[0]}"
        if self.loop is not None and self.loop.positioned:
            return None
        if self.loop is not None and not self.loop.assignment.owned and self._patient():
            return None
        return "no partition is assigned and positioned yet"

    def _patient(self) -> bool:
        return time.monotonic() - self.started_at > NO_PARTITION_SECONDS


def _note(health: _Health, metrics: Metrics, lane: int, trouble: Exception | None) -> None:
    if trouble is None:
        health.troubles.pop(lane, None)
    else:
        health.troubles[lane] = str(trouble)
        metrics.trouble(trouble)


def _name() -> str:
    return f"person-changes-{socket.gethostname()}-{os.getpid()}"


def _consumer(settings: ConsumerSettings) -> Consumer:
    protocol: dict[str, str] = {"group.protocol": settings.group_protocol}
    if settings.group_protocol == "classic":
        protocol["partition.assignment.strategy"] = "cooperative-sticky"
    config = settings.consumer_config(
        _name(),
        settings.consumer_group,
        **{
            "auto.commit.interval.ms": 1000,
            "fetch.wait.max.ms": 100,  # what a resumed or sought partition waits for a fetch that is under way
            "queued.max.messages.kbytes": 16 * 1024,
            "error_cb": _broker_trouble,
        }
        | protocol,
    )
    return Consumer(config)


def _broker_trouble(error: KafkaError) -> None:
    log.warning("the broker cannot be reached; the client tries again", why=error.str())
