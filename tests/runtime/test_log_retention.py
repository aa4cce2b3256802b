"""The inbox must not forget what the log still has: by the settings, and by what the topic in fact has."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from pydantic import ValidationError
from structlog.testing import capture_logs
from typer.testing import CliRunner

from cli.failures import USAGE
from cli.main import app
from consumers.runtime import log_retention
from consumers.runtime.log_retention import look_at_log_retention
from consumers.settings import ConsumerSettings
from tests.support.system import System, wait_for

DAY_MS = 86_400_000
LONGER = "the log remembers longer than the inbox: what is read from it again may not be known as a duplicate"
Look = Callable[..., list[Any]]


@pytest.fixture
def look(make_topic: Callable[..., str], kafka_bootstrap: str) -> Look:
    """What is logged of a topic with this configuration, and an inbox of so many days."""

    def looked(days: float, **config: str) -> list[Any]:
        topic = make_topic(1, **config)
        values = {"kafka_bootstrap_servers": kafka_bootstrap, "person_changes_topic": topic}
        settings = ConsumerSettings.model_validate({**values, "inbox_retention_days": days, "topic_retention_hours": 1})
        with capture_logs() as logs:
            look_at_log_retention(settings, threading.Event())
        return logs

    return looked


@pytest.mark.parametrize(("days", "hours"), [(30, 720), (90, 720), (0, 1_000_000), (0.5, 12), (1 / 24, 0.5)])
def test_an_inbox_that_outlives_the_log_is_accepted(days: float, hours: float) -> None:
    """As long, longer, or for ever."""
    settings = ConsumerSettings(inbox_retention_days=days, topic_retention_hours=hours)

    assert settings.inbox_retention_days == days


def test_an_inbox_that_forgets_before_the_log_is_refused() -> None:
    """The error names both settings, their values, and what either would have to be."""
    with pytest.raises(ValidationError) as caught:
        ConsumerSettings(inbox_retention_days=29.5, topic_retention_hours=720)

    said = str(caught.value)
    assert "INBOX_RETENTION_DAYS=29.5 is less than TOPIC_RETENTION_HOURS=720" in said
    assert "Set INBOX_RETENTION_DAYS to 30 or more (0: for ever)" in said
    assert "keep the log for 708 hours or less" in said


@pytest.mark.parametrize("command", [["consumer"], ["verify"], ["rebuild"], ["replay", "--dry-run"]])
def test_whatever_folds_the_log_says_so_at_its_start(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read: the exit code is that of wrong settings."""
    monkeypatch.setenv("INBOX_RETENTION_DAYS", "7")

    result = CliRunner().invoke(app, command)

    assert result.exit_code == USAGE, result.output
    assert "INBOX_RETENTION_DAYS=7 is less than TOPIC_RETENTION_HOURS=720" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("config", "days"),
    [
        ({"retention.ms": str(8 * DAY_MS)}, 8.0),
        ({"retention.ms": "-1"}, "for ever"),
        ({"retention.ms": str(DAY_MS), "cleanup.policy": "compact"}, "for ever"),
    ],
)
def test_a_topic_that_remembers_longer_is_warned_of(look: Look, config: dict[str, str], days: object) -> None:
    """By what the topic has, whatever TOPIC_RETENTION_HOURS says; with both values and the remedy."""
    (said,) = look(7, **config)

    assert (said["log_level"], said["event"]) == ("warning", LONGER)
    assert (said["topic_retention_days"], said["inbox_retention_days"]) == (days, 7)
    assert "INBOX_RETENTION_DAYS" in said["remedy"]


@pytest.mark.parametrize("days", [7, 8, 0])
def test_a_topic_that_does_not_is_not(look: Look, days: float) -> None:
    """As long, shorter, or an inbox for ever."""
    assert look(days, **{"retention.ms": str(7 * DAY_MS)}) == []


def test_a_consumer_warns_when_it_starts(system: System) -> None:
    """The session's topics remember for a week, unless told; the consumer goes on."""
    consumer = system.start_consumer(INBOX_RETENTION_DAYS="2", TOPIC_RETENTION_HOURS="24")
    warned = wait_for("warning", lambda: [line for line in system.log_lines(consumer) if line["event"] == LONGER])
    wait_for("partitions", lambda: system.assigned(consumer))

    assert [line["topic"] for line in warned] == [system.topic]
    assert system.stop(consumer) == 0


def test_a_broker_that_is_away_is_asked_again_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for it, and whoever stops the consumer stops the asking."""
    stop, asked = threading.Event(), list[int]()

    def away(*_: object) -> int:
        asked.append(1)
        if len(asked) == 3:
            stop.set()
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(log_retention, "retention_ms", away)
    monkeypatch.setattr(log_retention, "ASK_AGAIN_S", 0.001)
    look_at_log_retention(ConsumerSettings(kafka_bootstrap_servers="127.0.0.1:1"), stop)

    assert len(asked) == 3
