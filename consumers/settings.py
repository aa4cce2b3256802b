"""Settings of the consumer process, read from the environment once."""

from typing import Final, Literal, Self

from pydantic import Field, model_validator

from db.settings import DatabaseSettings, OptOutSettings
from schemas.settings import KafkaSettings, RegistrySettings

_HOURS_A_DAY: Final = 24


class ConsumerSettings(KafkaSettings, RegistrySettings, DatabaseSettings, OptOutSettings):
    """How a consumer reads the log.

    Attributes:
        consumer_group: Kafka's consumer group.
        group_protocol: `consumer` (KIP-848, Kafka 4) or `classic` for older brokers.
        refresh_interval_seconds: the least time between two refreshes of a company (law L5); the same for every
            consumer, and kept for rebuilds, which decide by it too.
        batch_max_records: at most so many records in one transaction.
        batch_max_bytes: at most so many bytes of keys and values in one transaction.
        buffer_max_records: partitions are paused when so many records wait behind the batches in work.
        buffer_max_bytes: so they are when keys and values of those that wait are so large together. Besides, Kafka's
            client holds some 16 MiB of its own.
        consumer_lanes: so many batches are under way side by side, each of other partitions and on a connection of its
            own: while the database works for one, this process works for another.
        inbox_retention_days: for how long a change that comes again is a duplicate, in log time; older rows of the
            inbox are deleted; 0: for ever. Decisions rest on it, as on the refresh interval: the same everywhere. No
            shorter than the log remembers: what is read from it again must be known.
        drain_seconds: how long a revoked partition's batch may still take; far below Kafka's five minutes.
        due_limit: at most so many due companies are refreshed in one transaction.
        dead_letter_run_limit: more dead letters in a row stop the consumer instead of emptying the topic.
        dead_letter_ratio_limit: so does a greater share of the last 1,000 records; 1 allows any.
        accept_lost_records: start at what the log still has where the records at a position are gone (they were deleted
            by retention, or the topic was made anew) instead of refusing to go on.
        consumer_http_host: where liveness, readiness and metrics are served.
        consumer_http_port: 0 serves nothing.
    """

    consumer_group: str = "person-changes"
    group_protocol: Literal["consumer", "classic"] = "consumer"
    refresh_interval_seconds: float = Field(default=3600.0, gt=0)
    batch_max_records: int = Field(default=2000, ge=1)
    batch_max_bytes: int = Field(default=4 * 1024 * 1024, ge=1)
    buffer_max_records: int = Field(default=10_000, ge=1)
    buffer_max_bytes: int = Field(default=32 * 1024 * 1024, ge=1)
    consumer_lanes: int = Field(default=2, ge=1, le=16)
    inbox_retention_days: float = Field(default=90.0, ge=0, le=36_500)
    drain_seconds: float = Field(default=10.0, gt=0)
    due_limit: int = Field(default=1000, ge=1)
    dead_letter_run_limit: int = Field(default=100, ge=1)
    dead_letter_ratio_limit: float = Field(default=0.5, gt=0, le=1)
    accept_lost_records: bool = False
    consumer_http_host: str = "127.0.0.1"
    consumer_http_port: int = Field(default=0, ge=0, le=65535)

    @model_validator(mode="after")
    def _inbox_outlives_log(self) -> Self:
        days, hours = self.inbox_retention_days, self.topic_retention_hours
        if days and days * _HOURS_A_DAY < hours:
            raise ValueError(
                f"the inbox forgets changes that the log still has: INBOX_RETENTION_DAYS={days:g} is less than "
                f"TOPIC_RETENTION_HOURS={hours:g}, so what is read again, as by a replay, would not be known as a "
                f"duplicate. Set INBOX_RETENTION_DAYS to {hours / _HOURS_A_DAY:g} or more (0: for ever); or keep the "
                f"log for {days * _HOURS_A_DAY:g} hours or less: TOPIC_RETENTION_HOURS, and retention.ms of the topic"
            )
        return self

    @property
    def refresh_interval_ms(self) -> int:
        """The refresh interval in whole ms, at least one."""
        return max(1, round(self.refresh_interval_seconds * 1000))

    @property
    def inbox_retention_ms(self) -> int | None:
        """The same in whole ms, at least one; None: for ever."""
        return max(1, round(self.inbox_retention_days * 86_400_000)) if self.inbox_retention_days else None


class WorkspaceSettings(KafkaSettings, DatabaseSettings):
    """How policies are applied.

    Attributes:
        policy_lead_seconds: how long after it was stored a policy version counts; every consumer must have read it by
            then, so more than the clocks of broker and database are apart, and than a transaction takes.
    """

    policy_lead_seconds: float = Field(default=5.0, ge=0, le=3600)
