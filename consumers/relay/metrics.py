"""What a relay measures, named in one place with units."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from db.outbox import Backlog

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 20)


class RelayMetrics:
    """Prometheus metrics of one relay process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.active = Gauge(
            "relay_active", "1 while this process empties the outbox, 0 while it stands by", registry=self.registry
        )
        self.messages = Counter(
            "relay_messages", "Messages acknowledged by the broker and forgotten", registry=self.registry
        )
        self.turn_seconds = Histogram(
            "relay_turn_seconds",
            "Seconds from reading messages to having forgotten them",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "relay_failures", "Times that the broker or the database could not do it", registry=self.registry
        )
        self._waiting = Gauge(
            "relay_outbox_messages", "Messages that wait in the outbox; 0 while standing by", registry=self.registry
        )
        self._oldest = Gauge(
            "relay_outbox_oldest_seconds",
            "Seconds since the log time of the oldest message that waits; 0 when none does, or while standing by",
            registry=self.registry,
        )

    def backlog(self, found: Backlog) -> None:
        """What waits."""
        self._waiting.set(found.messages)
        self._oldest.set(found.oldest_ms / 1000)
