"""Settings of the resolver process, read from the environment once."""

from typing import Literal

from pydantic import Field

from db.settings import DatabaseSettings, OptOutSettings
from schemas.settings import KafkaSettings


class ResolverSettings(KafkaSettings, DatabaseSettings, OptOutSettings):
    """How hints are read.

    Attributes:
        resolver_group: Kafka's consumer group.
        group_protocol: `consumer` (KIP-848, Kafka 4) or `classic` for older brokers.
        resolver_batch_records: at most so many hints are looked up at once.
        resolver_retry_seconds: how often some of the parked hints are tried again, while nothing new arrives.
        resolver_http_host: where liveness, readiness and metrics are served.
        resolver_http_port: 0 serves nothing.
    """

    resolver_group: str = "person-changes-resolver"
    group_protocol: Literal["consumer", "classic"] = "consumer"
    resolver_batch_records: int = Field(default=500, ge=1, le=10_000)
    resolver_retry_seconds: float = Field(default=5.0, gt=0)
    resolver_http_host: str = "127.0.0.1"
    resolver_http_port: int = Field(default=0, ge=0, le=65535)
