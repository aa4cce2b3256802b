"""What the HTTP side measures, named in one place with units."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingress.tallies import Durations, Tally

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Prometheus metrics of one ingress process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Tally(
            "ingress_webhooks",
            "Webhooks by source and what became of them: enqueued, already_processed, skipped, or the problem's code",
            ["source", "answer"],
            self.registry,
        )
        self.refused = Counter(
            "ingress_signatures_refused", "Signatures refused, by reason", ["source", "reason"], registry=self.registry
        )
        self.proven = Tally(
            "ingress_webhooks_proven",
            "Webhooks whose sender was proven, by the secret that proved it, as it is referred to; `none` is no proof",
            ["source", "secret"],
            self.registry,
        )
        self.sources = Gauge(
            "ingress_sources",
            "Configured sources by how they prove themselves; `none` takes changes from everybody",
            ["source", "mode"],
            registry=self.registry,
        )
        self.reloads = Counter(
            "ingress_source_reloads",
            "Times the sources were read again, by outcome: done or refused",
            ["outcome"],
            registry=self.registry,
        )
        self.seconds = Durations(
            "ingress_webhook_seconds", "Seconds from a webhook's head to its answer", _SECONDS, self.registry
        )
        self.records = Counter("ingress_records", "Records that the broker has acknowledged", registry=self.registry)
        self.producers_replaced = Counter(
            "ingress_producers_replaced",
            "Times that the client could not go on with its producer and got another",
            registry=self.registry,
        )
        self.open = Gauge("ingress_open_webhooks", "Webhooks that wait for their answer", registry=self.registry)
        self.lookups_failed = Counter(
            "ingress_lookups_failed",
            "Look-ups of duplicates that failed; the changes were published unseen",
            registry=self.registry,
        )
