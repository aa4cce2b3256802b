"""Counts of what happens at every webhook, at a fraction of the cost of Prometheus' own.

Those are for many threads, with a lock for each of them. These are counted by the event loop's thread alone, and read
by whichever serves the metrics.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Tally(Collector):
    """A counter with labels.

    Args:
        name: without `_total`.
        text: what it counts.
        labels: their names.
        registry: where it is read.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name, self._text, self._labels = name, text, labels
        self._counts: defaultdict[tuple[str, ...], int] = defaultdict(int)
        registry.register(self)

    def count(self, *values: str) -> None:
        """One more with these labels."""
        self._counts[values] += 1

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self._counts.copy().items():  # the copy is made in one step: others may count meanwhile
            family.add_metric(values, count)
        yield family


class Durations(Collector):
    """A histogram without labels.

    Args:
        name: in seconds.
        text: what is measured.
        bounds: the highest value of each bucket but the last one, ascending.
        registry: where it is read.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._text, self._bounds = name, text, bounds
        self._counts, self._sum = [0] * (len(bounds) + 1), 0.0
        registry.register(self)

    def observe(self, seconds: float) -> None:
        """One more."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        names = map(floatToGoString, (*self._bounds, float("inf")))
        buckets = list(zip(names, map(float, accumulate(self._counts.copy())), strict=True))
        yield HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)
