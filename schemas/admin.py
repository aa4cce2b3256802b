"""Creates the topics, and says where an existing one differs from what the design asks for."""

import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigEntry, ConfigResource, NewTopic, ResourceType

from schemas.settings import KafkaSettings

REQUEST_TIMEOUT_S: Final = 15.0
KNOWN_SECONDS: Final = 5.0
HOUR_MS: Final = 3_600_000
SYSLOG_NOTICE: Final = 5


def ensure_topics(settings: KafkaSettings) -> list[str]:
    """Create the topics that do not exist yet; several processes may do so at once.

    Returns:
        The names of those created now.

    Raises:
        KafkaException: the broker cannot be reached or refuses.
        TopicConfigError: an existing topic would break a law.
    """
    # Not librdkafka's notices: closing, it says of an answer that nobody waits for that it was purged.
    config = {"log_level": SYSLOG_NOTICE, **settings.client_config("person-changes-admin")}
    with AdminClient(config) as client:
        created = _create(client, [_change_topic(settings), _update_topic(settings), _hint_topic(settings)])
        check_topic(client, settings.person_changes_topic)
    return created


class TopicConfigError(RuntimeError):
    """An existing topic has a setting under which a law does not hold."""


def check_topic(client: AdminClient, name: str) -> None:
    """Refuse a log whose timestamps are not the broker's: law L6 rests on them.

    Raises:
        TopicConfigError: names the topic, the setting, its value and the remedy.
    """
    kind = _config(client, name)["message.timestamp.type"].value
    if kind != "LogAppendTime":
        raise TopicConfigError(
            f"topic {name} has message.timestamp.type={kind}, but the log's time must be the broker's: "
            f"kafka-configs.sh --alter --entity-type topics --entity-name {name} "
            "--add-config message.timestamp.type=LogAppendTime"
        )


def retention_ms(client: AdminClient, name: str) -> int | None:
    """How long a topic keeps its records, ms; None: for ever.

    Raises:
        KafkaException: the broker cannot be reached, or does not say.
    """
    config = _config(client, name)
    kept = int(str(config["retention.ms"].value))
    return None if kept < 0 or "delete" not in str(config["cleanup.policy"].value) else kept


def _config(client: AdminClient, name: str) -> dict[str, ConfigEntry]:
    """A topic's settings; a broker may need a moment until it knows a topic that was just created."""
    resource = ConfigResource(ResourceType.TOPIC, name)
    deadline = time.monotonic() + KNOWN_SECONDS
    while True:
        try:
            config: dict[str, ConfigEntry] = client.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[
                resource
            ].result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return config


def partition_count(client: AdminClient, name: str) -> int:
    """How many partitions a topic has; 0 when it does not exist."""
    topic = client.list_topics(name, timeout=REQUEST_TIMEOUT_S).topics.get(name)
    return len(topic.partitions) if topic is not None and topic.error is None else 0


def _change_topic(settings: KafkaSettings) -> NewTopic:
    return _topic(settings, settings.person_changes_topic, {"message.timestamp.type": "LogAppendTime"})


def _update_topic(settings: KafkaSettings) -> NewTopic:
    return _topic(settings, settings.buyer_group_updates_topic, {})


def _hint_topic(settings: KafkaSettings) -> NewTopic:
    return _topic(settings, settings.person_hints_topic, {"message.timestamp.type": "LogAppendTime"})


def _topic(settings: KafkaSettings, name: str, config: dict[str, str]) -> NewTopic:
    return NewTopic(
        name,
        num_partitions=settings.topic_partitions,
        replication_factor=settings.topic_replication_factor,
        config={
            "min.insync.replicas": str(settings.topic_min_insync_replicas),
            "retention.ms": str(round(settings.topic_retention_hours * HOUR_MS)),
            "cleanup.policy": "delete",
            **config,
        },
    )


def _create(client: AdminClient, topics: Iterable[NewTopic]) -> list[str]:
    futures: dict[str, Future[None]] = client.create_topics(list(topics), request_timeout=REQUEST_TIMEOUT_S)
    return [name for name, future in futures.items() if _created(future)]


def _created(future: Future[None]) -> bool:
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True
