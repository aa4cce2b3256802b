"""Whether the log in fact remembers no longer than the inbox: a topic may keep records longer than the settings say.

`ConsumerSettings` compares the settings; what the topic has, only the broker knows. Nothing waits for its answer: a
consumer whose broker is away, or may not be asked, works all the same.
"""

import threading
from typing import Final

import structlog
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from consumers.settings import ConsumerSettings
from schemas.admin import retention_ms

log = structlog.get_logger()

DAY_MS: Final = 86_400_000
ASK_AGAIN_S: Final = 60.0


def watch_log_retention(settings: ConsumerSettings, stop: threading.Event) -> None:
    """Warn, once it is known and from a thread of its own, if the log remembers longer than the inbox."""
    if settings.inbox_retention_ms is not None:
        arguments = (settings, stop)
        threading.Thread(target=look_at_log_retention, args=arguments, name="log retention", daemon=True).start()


def look_at_log_retention(settings: ConsumerSettings, stop: threading.Event) -> None:
    """Ask the broker until it answers or `stop` is set, and warn if the log remembers longer than the inbox."""
    # The consumer's own client reports that the broker is away.
    quiet = {"log_level": 0, "error_cb": lambda _: None}
    with AdminClient(settings.client_config("person-changes-retention") | quiet) as client:
        while not stop.is_set():
            try:
                kept = retention_ms(client, settings.person_changes_topic)
            except KafkaException as error:
                log.info("how long the log remembers is not known yet", why=str(error))
                stop.wait(ASK_AGAIN_S)
            else:
                _compare(settings, kept)
                return


def _compare(settings: ConsumerSettings, kept: int | None) -> None:
    inbox = settings.inbox_retention_ms
    if inbox is None or (kept is not None and kept <= inbox):
        return
    log.warning(
        "the log remembers longer than the inbox: what is read from it again may not be known as a duplicate",
        topic=settings.person_changes_topic,
        topic_retention_days="for ever" if kept is None else round(kept / DAY_MS, 3),
        inbox_retention_days=settings.inbox_retention_days,
        remedy="raise INBOX_RETENTION_DAYS (0: for ever), or lower the topic's retention.ms and TOPIC_RETENTION_HOURS",
    )
