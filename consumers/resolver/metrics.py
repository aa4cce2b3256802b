"""What a resolver measures, named in one place with units."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class ResolverMetrics:
    """Prometheus metrics of one resolver process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.hints = Counter(
            "resolver_hints",
            "Hints read from the topic, or tried again, by what became of them: resolved, parked, refused, dead_letter",
            ["outcome"],
            registry=self.registry,
        )
        self.changes = Counter(
            "resolver_changes", "Changes that the broker has acknowledged, one a company", registry=self.registry
        )
        self.failures = Counter(
            "resolver_failures", "Times that the broker or the database could not do it", registry=self.registry
        )
        self.parked = Gauge(
            "resolver_parked_hints", "Hints that wait for a company, of all resolvers", registry=self.registry
        )
