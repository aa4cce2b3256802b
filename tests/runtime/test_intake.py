"""Partitions placed while the broker does not answer: the loop must go on polling."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.runtime.assignment import Assignment
from consumers.runtime.intake import WATERMARK_TIMEOUT_S, Intake, LogError
from consumers.settings import ConsumerSettings
from db.rows import PositionRow

PARTITIONS = 40


class Broker:
    """Answers at once, or not within the time that it is given; the clock is its own."""

    def __init__(self, *, away: bool) -> None:
        self.away, self.now = away, 0.0
        self.read: dict[int, int] = {}

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def get_watermark_offsets(self, _: TopicPartition, timeout: float) -> tuple[int, int]:
        """From 5 to 10, whichever the partition."""
        if self.away:
            self.now += timeout
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return 5, 10

    def seek(self, place: TopicPartition) -> None:
        """From where a partition is read."""
        self.read[place.partition] = place.offset

    def resume(self, _: Any) -> None:
        """Nothing more to it."""


def place_all(broker: Broker, next_offset: int) -> Intake:
    """An intake after all partitions were placed at an offset."""
    assignment = Assignment()
    assignment.add(range(PARTITIONS))
    settings = ConsumerSettings.model_validate({"database_url": "postgresql://unused"})
    intake = Intake(broker, assignment, settings, broker.clock)  # type: ignore[arg-type]  # all it is asked here
    for owned in assignment.unpositioned():
        intake.place(owned, PositionRow(owned.partition, next_offset, 1000))
    return intake


def test_a_broker_that_is_away_is_asked_once_for_all_partitions() -> None:
    """Forty waits in a row would be longer than Kafka waits for a poll."""
    broker = Broker(away=True)
    place_all(broker, 7)

    assert broker.read == dict.fromkeys(range(PARTITIONS), 7)
    assert broker.now <= WATERMARK_TIMEOUT_S


def test_once_it_is_back_a_position_that_the_log_has_not_is_told() -> None:
    """The look is put off, not given up."""
    broker = Broker(away=True)
    intake = place_all(broker, 7)
    broker.away = False
    broker.now += WATERMARK_TIMEOUT_S

    [owned] = [one for one in intake._assignment.owned.values() if one.partition == 0]
    with pytest.raises(LogError, match="offset 3, but the log has 5 to 10"):
        intake.place(owned, PositionRow(0, 3, 1000))
