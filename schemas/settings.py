"""Kafka settings that every process shares, read from the environment once, and the client configuration they make."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas import topics

_CORRECT_PRODUCER: Final[Mapping[str, Any]] = MappingProxyType(
    {"acks": "all", "enable.idempotence": True, "partitioner": "murmur2_random"}
)
_CORRECT_CONSUMER: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "enable.auto.commit": True,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
    }
)


class KafkaSettings(BaseSettings):
    """Where Kafka is and how the topics are made.

    Attributes:
        kafka_bootstrap_servers: comma-separated host:port list.
        kafka_client_config: overrides for librdkafka, as a JSON object (security.protocol, sasl.*, …); what correctness
            rests on cannot be overridden.
        person_changes_topic: the log of changes.
        buyer_group_updates_topic: what other services read.
        person_hints_topic: what is said of people without naming their company; the resolver reads it.
        topic_partitions: partitions of the topics when they are created.
        topic_replication_factor: -1 takes the broker's default.
        topic_min_insync_replicas: acknowledged means on this many replicas.
        topic_retention_hours: how long the log remembers; 30 days unless told, fractions allowed.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_client_config: dict[str, str | int | float | bool] = Field(default_factory=dict)
    person_changes_topic: str = topics.PERSON_CHANGES
    buyer_group_updates_topic: str = topics.BUYER_GROUP_UPDATES
    person_hints_topic: str = topics.PERSON_HINTS
    topic_partitions: int = Field(default=12, ge=1)
    topic_replication_factor: int = Field(default=-1)
    topic_min_insync_replicas: int = Field(default=1, ge=1)
    topic_retention_hours: float = Field(default=30 * 24, gt=0)

    def client_config(self, client_id: str) -> dict[str, Any]:
        """The part that every librdkafka client shares."""
        defaults = {"client.id": client_id, "log.connection.close": False, "allow.auto.create.topics": False}
        return {**defaults, **self.kafka_client_config, "bootstrap.servers": self.kafka_bootstrap_servers}

    def producer_config(self, client_id: str, **overrides: Any) -> dict[str, Any]:
        """Configuration of a producer: defaults, overrides, then what correctness rests on."""
        defaults = {"linger.ms": 2, "compression.type": "lz4"}
        return {**defaults, **self.client_config(client_id), **overrides, **_CORRECT_PRODUCER}

    def consumer_config(self, client_id: str, group: str, **overrides: Any) -> dict[str, Any]:
        """Configuration of a consumer: defaults, overrides, then what correctness rests on."""
        # A consumer that the group has fenced comes back only when its last commit is answered or given up.
        # Under the classic protocol a member learns of partitions that are added only when it asks again: in five
        # minutes, unless told.
        defaults = {"socket.timeout.ms": 10_000, "topic.metadata.refresh.interval.ms": 10_000}
        return {**defaults, **self.client_config(client_id), **overrides, "group.id": group, **_CORRECT_CONSUMER}


class RegistrySettings(BaseSettings):
    """Where the Schema Registry is, for publishers that use the Confluent wire format.

    Attributes:
        schema_registry_url: its Confluent API; several, comma-separated, are tried in turn; empty: there is none.
        schema_registry_user_info: `user:password` for HTTP basic authentication.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    schema_registry_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    schema_registry_user_info: SecretStr | None = None
