"""Settings of the relay process, read from the environment once."""

from pydantic import Field

from db.settings import DatabaseSettings
from schemas.settings import KafkaSettings


class RelaySettings(KafkaSettings, DatabaseSettings):
    """How the outbox is emptied.

    Attributes:
        relay_batch_messages: at most so many messages in one Kafka transaction.
        relay_poll_seconds: how long to wait before looking again when nothing waited: the most that a message waits.
        relay_http_host: where liveness, readiness and metrics are served.
        relay_http_port: 0 serves nothing.
    """

    relay_batch_messages: int = Field(default=500, ge=1, le=10_000)
    relay_poll_seconds: float = Field(default=0.1, gt=0, le=60)
    relay_http_host: str = "127.0.0.1"
    relay_http_port: int = Field(default=0, ge=0, le=65535)
