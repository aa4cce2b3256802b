"""One relay process: of several, one is at work, the others stand by until its database connection ends."""

import os
import random
import socket
import threading
import time
from contextlib import ExitStack, closing
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumers.relay.metrics import RelayMetrics
from consumers.relay.order import relay_turn
from consumers.relay.sender import StoppedError, TransactionalSender
from consumers.relay.settings import RelaySettings
from consumers.runtime.health import HealthServer
from consumers.runtime.stopping import stopped_by_signals
from db.errors import FatalDatabaseError, RetryableDatabaseError
from db.outbox import Backlog, Outbox

log = structlog.get_logger()

CLAIM_SECONDS: Final = 0.5
"""How often one that stands by asks whether it is needed."""
MEASURE_SECONDS: Final = 5.0
STALLED_SECONDS: Final = 90.0
"""Longer than anything that the relay waits for."""
FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 5.0
_USELESS: Final = frozenset({KafkaError._INVALID_ARG, KafkaError._UNKNOWN_PROTOCOL})  # noqa: SLF001  # the client's names begin so


def run_relay(settings: RelaySettings) -> int:
    """Relay until SIGINT or SIGTERM; a second signal kills at once.

    Returns:
        The exit code: 0 after an orderly stop, 1 when the process cannot go on; the log says why.
    """
    with stopped_by_signals() as stop:
        try:
            relay(settings, stop)
        except (FatalDatabaseError, KafkaException) as error:
            log.error("the relay cannot go on", why=str(error), kind=type(error).__name__)  # noqa: TRY400  # no bug, no trace
            return 1
        except OSError as error:
            log.error("the relay cannot start", why=str(error), setting="RELAY_HTTP_PORT")  # noqa: TRY400
            return 1
    log.info("the relay has stopped")
    return 0


def relay(settings: RelaySettings, stop: threading.Event) -> None:
    """Empty the outbox until `stop` is set.

    Raises:
        FatalDatabaseError: the database has not this code's tables.
        KafkaException: the settings of the client are wrong.
        OSError: the health port is taken.
    """
    made = Relay(settings, stop)
    with ExitStack() as stack:
        if settings.relay_http_port:
            where = (settings.relay_http_host, settings.relay_http_port)
            stack.enter_context(closing(HealthServer(*where, made.live, made.ready, made.metrics.registry)))
        made.run()


class Relay:
    """Claims the outbox and empties it; after any trouble it starts over with new connections.

    Args:
        settings: where things are.
        stop: set when it shall end.
    """

    def __init__(self, settings: RelaySettings, stop: threading.Event) -> None:
        self._settings, self._stop = settings, stop
        self._name = f"person-changes-relay-{socket.gethostname()}-{os.getpid()}"
        self.metrics = RelayMetrics()
        self._trouble: str | None = "it has not asked the database yet"
        self._turned_at = self._measured_at = time.monotonic()
        self._delay = FIRST_DELAY_S

    def run(self) -> None:
        """Relay until told to stop.

        Raises:
            FatalDatabaseError, KafkaException: trying again cannot mend it.
        """
        while not self._stop.is_set():
            try:
                self._session()
            except StoppedError:
                return
            except (RetryableDatabaseError, KafkaException) as error:
                if isinstance(error, KafkaException) and error.args[0].code() in _USELESS:
                    raise
                self._pause(str(error))

    def live(self) -> str | None:
        """Why the process should be restarted, if it should."""
        since = time.monotonic() - self._turned_at
        return f"the relay has not turned for {since:.0f} s" if since > STALLED_SECONDS else None

    def ready(self) -> str | None:
        """Why it neither works nor stands by, if it does not."""
        return None if self._trouble is None else f"nothing is relayed: {self._trouble}"

    def _session(self) -> None:
        """Wait for the claim, then relay until told to stop, on one pair of connections."""
        with Outbox(
            self._settings.database_url.get_secret_value(), self._settings.database_statement_timeout_seconds
        ) as outbox:
            while not outbox.claim():
                self._fine()
                if self._stop.wait(CLAIM_SECONDS):
                    return
            try:
                self.metrics.active.set(1)
                self._work(outbox)
            finally:
                self.metrics.active.set(0)
                self.metrics.backlog(Backlog(0, 0))

    def _work(self, outbox: Outbox) -> None:
        self._measure(outbox)
        with closing(TransactionalSender(self._settings, self._name, self._stop.is_set)) as sender:
            log.info("this relay is at work")
            while not self._stop.is_set():
                if not self._turn(outbox, sender):
                    self._stop.wait(self._settings.relay_poll_seconds)

    def _turn(self, outbox: Outbox, sender: TransactionalSender) -> int:
        began = time.monotonic()
        count = relay_turn(outbox, sender, self._settings.relay_batch_messages)
        self._fine()
        if count:
            self.metrics.messages.inc(count)
            self.metrics.turn_seconds.observe(time.monotonic() - began)
        if time.monotonic() - self._measured_at > MEASURE_SECONDS:
            self._measure(outbox)
        return count

    def _measure(self, outbox: Outbox) -> None:
        self._measured_at = time.monotonic()
        self.metrics.backlog(outbox.backlog())

    def _fine(self) -> None:
        self._trouble, self._delay = None, FIRST_DELAY_S
        self._turned_at = time.monotonic()

    def _pause(self, why: str) -> None:
        self._trouble = why
        self._turned_at = time.monotonic()
        self.metrics.failures.inc()
        log.warning("nothing can be relayed now; trying again", why=why, delay_seconds=round(self._delay, 2))
        self._stop.wait(self._delay * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, no secret
        self._delay = min(self._delay * 2, LONGEST_DELAY_S)
