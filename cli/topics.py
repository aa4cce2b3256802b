# ruff: noqa: PLC0415 -- the Kafka client is loaded inside the command, so that --help starts fast
"""`person-changes topics`: the log of changes, the hints beside it, and the updates for other services."""

from typing import TYPE_CHECKING, Any

from cli.environment import read_settings
from cli.output import AsJson, emit, note, say, span, table
from cli.servers import kafka_trouble

if TYPE_CHECKING:
    from cli.broker import TopicStatus

_HEADS = ("topic", "partitions", "replication", "timestamps", "kept for", "records")
_NUMBERS = ("partitions", "replication", "records")


def topics_command(as_json: AsJson = False) -> None:
    """Create the topics that are missing, then list them.

    A new topic gets TOPIC_PARTITIONS partitions and keeps its records for TOPIC_RETENTION_HOURS; one that exists is
    left as it is. It is safe to run at any time. Kafka is where KAFKA_BOOTSTRAP_SERVERS says.
    """
    from cli.broker import connect, create_topics, topic_names, topic_statuses
    from schemas.admin import HOUR_MS
    from schemas.settings import KafkaSettings

    settings = read_settings(KafkaSettings)
    with kafka_trouble(settings.kafka_bootstrap_servers):
        client = connect(settings)
        created = create_topics(client, settings)
        topics = topic_statuses(client, topic_names(settings))
    if as_json:
        emit({"created": created, "topics": [_document(topic) for topic in topics]})
        return
    for name in created:
        note(f"created {name}")
    table(_HEADS, [_row(topic) for topic in topics], right=_NUMBERS)
    hours = f"{settings.topic_retention_hours:g}"
    for topic in topics:
        if topic.partitions != settings.topic_partitions:
            say(f"\n{topic.name} has {topic.partitions} partitions, TOPIC_PARTITIONS says {settings.topic_partitions}.")
        if topic.retention_ms != round(settings.topic_retention_hours * HOUR_MS):
            say(f"\n{topic.name} keeps records for {_kept(topic)}, TOPIC_RETENTION_HOURS says {hours}.")


def _row(topic: "TopicStatus") -> tuple[object, ...]:
    return (topic.name, topic.partitions, topic.replication, topic.timestamp_type, _kept(topic), f"{topic.records:,}")


def _kept(topic: "TopicStatus") -> str:
    return "ever" if topic.retention_ms is None else span(topic.retention_ms)


def _document(topic: "TopicStatus") -> dict[str, Any]:
    return {
        "name": topic.name,
        "partitions": topic.partitions,
        "replication": topic.replication,
        "timestampType": topic.timestamp_type,
        "retentionMs": topic.retention_ms,
        "records": topic.records,
    }
