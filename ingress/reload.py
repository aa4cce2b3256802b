"""Reads the sources again while webhooks are being taken: the new ones as a whole, or the old ones still."""

import structlog

from ingress.metrics import Metrics
from ingress.settings import IngressSettings
from ingress.source_file import SourcesError
from ingress.sources import Sources, sources_from
from ingress.webhooks import Webhooks

log = structlog.get_logger()


def reload_sources(settings: IngressSettings, webhooks: Webhooks) -> None:
    """Replace the sources by those that the file names now; if it cannot be used, the old ones go on."""
    try:
        sources = sources_from(settings)
    except SourcesError as error:
        webhooks.metrics.reloads.labels("refused").inc()
        log.error("the sources were not read again, the old ones go on", why=str(error))  # noqa: TRY400  # no bug
        return
    webhooks.sources = sources
    webhooks.metrics.reloads.labels("done").inc()
    announce(sources, webhooks.metrics)


def announce(sources: Sources, metrics: Metrics) -> None:
    """Say in log and metrics which sources there are, and which of them prove nothing."""
    metrics.sources.clear()
    for source in sources.named.values():
        metrics.sources.labels(source.name, source.mode).set(1)
        if source.mode == "none":
            log.warning("a source proves nothing: whoever knows its URL can write changes", source=source.name)
    log.info("sources are ready", sources=sorted(sources.named))
