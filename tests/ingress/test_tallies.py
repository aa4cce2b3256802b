"""Our own counts look to Prometheus like those of its library."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from ingress.tallies import Durations, Tally

_BOUNDS = (0.002, 0.5, 1, 10)
_COUNTED = [("acme", "enqueued"), ("acme", "enqueued"), ("lab", 'a "quoted" name')]
_SEEN = [0.0, 0.002, 0.0021, 0.5, 0.75, 1.0, 9.999, 10.0, 11.0, 1e9]


def _written(registry: CollectorRegistry) -> list[str]:
    """Without the times of creation, which ours do not have."""
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_a_tally_is_written_like_a_counter() -> None:
    """Name, text, labels and number; and nothing before something was counted."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    tally, counter = Tally("events", "What", ["a", "b"], ours), Counter("events", "What", ["a", "b"], registry=theirs)
    assert _written(ours) == _written(theirs)
    for labels in _COUNTED:
        tally.count(*labels)
        counter.labels(*labels).inc()

    assert _written(ours) == _written(theirs)
    assert ours.get_sample_value("events_total", {"a": "acme", "b": "enqueued"}) == 2


def test_durations_are_written_like_a_histogram() -> None:
    """A value at a bound belongs to the bucket below it; sums and cumulated counts agree."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("seconds", "How long", _BOUNDS, ours)
    histogram = Histogram("seconds", "How long", buckets=_BOUNDS, registry=theirs)
    assert _written(ours) == _written(theirs)
    for seconds in _SEEN:
        durations.observe(seconds)
        histogram.observe(seconds)

    assert _written(ours) == _written(theirs)
