"""What commands ask of Kafka: which topics there are, how they are set, how much is in them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from schemas.admin import REQUEST_TIMEOUT_S, ensure_topics
from schemas.settings import KafkaSettings

ANSWER_SECONDS: Final = 5.0
"""A broker that is there lists its topics well within this."""
SETTLE_SECONDS: Final = 10.0
SETTLE_PAUSE_SECONDS: Final = 0.1
_SETTLING: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
    }
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic as it is.

    Attributes:
        retention_ms: how long records are kept; None keeps them for ever.
        records: what lies between the first and the last offset of its partitions.
    """

    name: str
    partitions: int
    replication: int
    timestamp_type: str
    retention_ms: int | None
    records: int


def quiet(settings: KafkaSettings) -> KafkaSettings:
    """The same settings for a client whose trouble is reported by a sentence, not by librdkafka's own lines."""
    config = {"log_level": 0, "socket.connection.setup.timeout.ms": 5000, **settings.kafka_client_config}
    return settings.model_copy(update={"kafka_client_config": config})


def connect(settings: KafkaSettings) -> AdminClient:
    """A client of a broker that answers.

    Raises:
        KafkaException: it does not.
    """
    reasons: list[str] = []
    config: dict[str, Any] = quiet(settings).client_config("person-changes-cli")
    config["error_cb"] = lambda error: reasons.append(error.str())
    client = AdminClient(config)
    try:
        client.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        client.poll(0)  # runs error_cb: the exception itself only says that something failed
        raise KafkaException(KafkaError(error.args[0].code(), reasons[0] if reasons else None)) from error
    return client


def create_topics(client: AdminClient, settings: KafkaSettings) -> list[str]:
    """Create the contract's topics that do not exist, and return their names.

    Raises:
        KafkaException: the broker cannot be reached or refuses.
        TopicConfigError: an existing topic would break a law.
    """
    before = client.list_topics(timeout=REQUEST_TIMEOUT_S).topics
    _once_settled(lambda: ensure_topics(quiet(settings)))
    return [name for name in topic_names(settings) if name not in before]


def topic_names(settings: KafkaSettings) -> tuple[str, ...]:
    """The contract's topics."""
    return (settings.person_changes_topic, settings.buyer_group_updates_topic, settings.person_hints_topic)


def topic_statuses(client: AdminClient, names: Iterable[str]) -> list[TopicStatus]:
    """Topics that exist, as they are; waits for one that was created a moment ago.

    Raises:
        KafkaException: the broker cannot be reached or refuses.
    """
    return [_once_settled(partial(_topic_status, client, name)) for name in names]


def _topic_status(client: AdminClient, name: str) -> TopicStatus:
    metadata = client.list_topics(name, timeout=REQUEST_TIMEOUT_S).topics[name]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    config = _config(client, name)
    retention = int(config["retention.ms"])
    return TopicStatus(
        name=name,
        partitions=len(metadata.partitions),
        replication=min((len(p.replicas) for p in metadata.partitions.values()), default=0),
        timestamp_type=config["message.timestamp.type"],
        retention_ms=retention if retention >= 0 else None,
        records=sum(end - start for start, end in log_ends(client, name, metadata.partitions).values()),
    )


def log_ends(client: AdminClient, topic: str, partitions: Iterable[int]) -> dict[int, tuple[int, int]]:
    """The first offset of each partition, and the one that its next record will get; one request a broker each.

    Raises:
        KafkaException: the broker cannot be reached or refuses.
    """
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    starts = _once_settled(lambda: _offsets(client, wanted, OffsetSpec.earliest()))  # type: ignore[no-untyped-call]
    ends = _once_settled(lambda: _offsets(client, wanted, OffsetSpec.latest()))  # type: ignore[no-untyped-call]
    return {partition: (starts[partition], end) for partition, end in ends.items()}


def partitions_of(client: AdminClient, topic: str) -> list[int]:
    """The partitions of a topic; none when it does not exist."""
    found = client.list_topics(topic, timeout=REQUEST_TIMEOUT_S).topics.get(topic)
    return sorted(found.partitions) if found is not None and found.error is None else []


def _offsets(client: AdminClient, wanted: list[TopicPartition], at: OffsetSpec) -> dict[int, int]:
    if not wanted:
        return {}
    futures = client.list_offsets(dict.fromkeys(wanted, at), request_timeout=REQUEST_TIMEOUT_S)
    return {place.partition: future.result().offset for place, future in futures.items()}


def _config(client: AdminClient, name: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    entries = client.describe_configs([resource], request_timeout=REQUEST_TIMEOUT_S)[resource].result()
    return {key: str(entry.value) for key, entry in entries.items()}


def _once_settled(ask: Callable[[], T]) -> T:
    """Ask again for a while: brokers know a new topic, and who leads its partitions, a moment later than it exists."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _SETTLING or time.monotonic() > deadline:
                raise
            time.sleep(SETTLE_PAUSE_SECONDS)
