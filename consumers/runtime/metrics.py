"""What a consumer measures, named in one place with units."""

import time
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from consumers.runtime.processor import Result
from schemas.registry import RegistryUnavailableError

_BATCH_BUCKETS = (1, 10, 50, 100, 500, 1000, 2000, 5000)
_PHASE_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class Metrics:
    """Prometheus metrics of one consumer process.

    Args:
        clock: wall-clock time, ms UTC; log time is the broker's, so ages are as right as the two clocks agree.
    """

    def __init__(self, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._clock = clock
        self.registry = CollectorRegistry()
        self._records = Counter(
            "consumer_records", "Records read and committed, whatever became of them", registry=self.registry
        )
        self._outcomes = Counter(
            "consumer_outcomes", "Records by outcome; their sum is the records", ["outcome"], registry=self.registry
        )
        self._difference = Gauge(
            "consumer_conservation_difference",
            "Records less outcomes since the start: always 0 (law L7)",
            registry=self.registry,
        )
        self._wrong_partition = Counter(
            "consumer_wrong_partition_records", "Records whose key belongs on another partition", registry=self.registry
        )
        self._refreshes = Counter("consumer_refreshes", "Refreshes of a company's groups", registry=self.registry)
        self._batch = Histogram(
            "consumer_batch_records", "Records in one transaction", buckets=_BATCH_BUCKETS, registry=self.registry
        )
        self._phases = Histogram(
            "consumer_batch_phase_seconds",
            "Seconds a batch spends by phase",
            ["phase"],
            buckets=_PHASE_BUCKETS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "consumer_lag_records",
            "Records of the log that are not committed yet",
            ["partition"],
            registry=self.registry,
        )
        self._lag_seconds = Gauge(
            "consumer_lag_seconds",
            "Seconds since the log time of the oldest record that is not committed yet; 0 when all are",
            ["partition"],
            registry=self.registry,
        )
        self._uncovered = Gauge(
            "consumer_oldest_uncovered_change_seconds",
            "Seconds since the log time of the oldest change that is applied, but in no refresh yet; 0: there is none",
            registry=self.registry,
        )
        self._uncovered.set_function(lambda: self._age(self._uncovered_since))
        self._uncovered_since: int | None = None
        self.ticks = Counter("consumer_ticks", "Ticks appended to the log", registry=self.registry)
        self.pruned = Counter(
            "consumer_pruned_events", "Rows of the inbox deleted for their age", registry=self.registry
        )
        self.searches = Gauge(
            "consumer_erasure_searches",
            "Searches that opt-outs have left and that are not done, of all consumers",
            registry=self.registry,
        )
        self._database_failures = Counter(
            "consumer_database_failures", "Attempts that the database refused for a time", registry=self.registry
        )
        self._registry_failures = Counter(
            "consumer_registry_failures", "Attempts that the Schema Registry did not answer", registry=self.registry
        )
        self.waiting = Gauge(
            "consumer_waiting_records", "Records read that wait for their batch", registry=self.registry
        )
        self.waiting_bytes = Gauge(
            "consumer_waiting_bytes", "Bytes of the keys and values of records that wait", registry=self.registry
        )
        self.partitions = Gauge("consumer_partitions", "Partitions owned", registry=self.registry)
        self._balance = 0

    def batch(self, result: Result) -> None:
        """A batch was committed."""
        self._records.inc(result.records)
        for outcome, count in result.outcomes.items():
            self._outcomes.labels(outcome).inc(count)
        self._balance += result.records - sum(result.outcomes.values())
        self._difference.set(self._balance)
        self._wrong_partition.inc(result.wrong_partition)
        self._refreshes.inc(result.refreshes)
        self._batch.observe(result.records)
        for phase, seconds in result.phases.items():
            self._phases.labels(phase).observe(seconds)

    def trouble(self, error: Exception) -> None:
        """Work could not be done for a time."""
        (self._registry_failures if isinstance(error, RegistryUnavailableError) else self._database_failures).inc()

    def lag(self, records: Mapping[int, int], oldest: Mapping[int, int]) -> None:
        """How far behind the end, by partition owned; others are forgotten.

        Args:
            records: that are not committed.
            oldest: log time of the oldest of them, ms, as far as it is known.
        """
        self._lag.clear()
        self._lag_seconds.clear()
        for partition, count in records.items():
            self._lag.labels(str(partition)).set(count)
            self._lag_seconds.labels(str(partition)).set(self._age(oldest.get(partition) if count else None))

    def uncovered(self, since: int | None) -> None:
        """Log time of the oldest change that no refresh covers, ms; None: there is none."""
        self._uncovered_since = since

    def _age(self, since: int | None) -> float:
        return 0.0 if since is None else max(0.0, (self._clock() - since) / 1000)
