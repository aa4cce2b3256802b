"""One resolver process: puts the parts together, runs the loop, stops in order."""

import os
import socket
import threading
import time
from contextlib import ExitStack, closing
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from consumers.resolver.batch import Batch
from consumers.resolver.loop import Loop
from consumers.resolver.metrics import ResolverMetrics
from consumers.resolver.settings import ResolverSettings
from consumers.runtime.health import HealthServer
from consumers.runtime.stopping import stopped_by_signals
from db.errors import FatalDatabaseError
from db.hints import HintStore
from schemas.appender import Appender

log = structlog.get_logger()

STALLED_SECONDS: Final = 90.0
"""Longer than anything that the loop waits for."""


def run_resolver(settings: ResolverSettings) -> int:
    """Resolve hints until SIGINT or SIGTERM; a second signal kills at once.

    Returns:
        The exit code: 0 after an orderly stop, 1 when the process cannot go on; the log says why.
    """
    with stopped_by_signals() as stop:
        try:
            resolve_hints(settings, stop)
        except (FatalDatabaseError, KafkaException) as error:
            log.error("the resolver cannot go on", why=str(error), kind=type(error).__name__)  # noqa: TRY400  # no bug, no trace
            return 1
        except OSError as error:
            log.error("the resolver cannot start", why=str(error), setting="RESOLVER_HTTP_PORT")  # noqa: TRY400
            return 1
    log.info("the resolver has stopped")
    return 0


def resolve_hints(settings: ResolverSettings, stop: threading.Event) -> None:
    """Resolve until `stop` is set.

    Raises:
        FatalDatabaseError, KafkaException: it cannot go on.
        OSError: the health port is taken.
    """
    metrics = ResolverMetrics()
    with ExitStack() as stack:
        store = stack.enter_context(
            HintStore(settings.database_url.get_secret_value(), settings.database_statement_timeout_seconds)
        )
        batch = Batch(settings, store, Appender(settings, _name()), metrics)
        loop = Loop(_consumer(settings), batch, store, metrics, settings)
        if settings.resolver_http_port:
            where = (settings.resolver_http_host, settings.resolver_http_port)
            server = HealthServer(*where, lambda: _stalled(loop), lambda: loop.trouble, metrics.registry)
            stack.enter_context(closing(server))
        loop.run(stop.is_set)


def _stalled(loop: Loop) -> str | None:
    since = time.monotonic() - loop.turned_at
    return f"the loop has not turned for {since:.0f} s" if since > STALLED_SECONDS else None


def _name() -> str:
    return f"person-changes-resolver-{socket.gethostname()}-{os.getpid()}"


def _consumer(settings: ResolverSettings) -> Consumer:
    protocol: dict[str, str] = {"group.protocol": settings.group_protocol}
    if settings.group_protocol == "classic":
        protocol["partition.assignment.strategy"] = "cooperative-sticky"
    config = settings.consumer_config(
        _name(),
        settings.resolver_group,
        **{"auto.commit.interval.ms": 1000, "error_cb": _broker_trouble} | protocol,
    )
    # Kafka's offsets are the position here: a group that is new starts with the first hint.
    return Consumer(config | {"auto.offset.reset": "earliest"})


def _broker_trouble(error: KafkaError) -> None:
    log.warning("the broker cannot be reached; the client tries again", why=error.str())
