"""Servers of a test's own, which it may stop: nobody else may be stopped."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.migrate import migrate
from local.kafka import Kafka
from local.postgres import Postgres
from schemas.admin import ensure_topics
from schemas.settings import KafkaSettings
from tests.support.system import System

TOPIC = "stopped-broker"


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Kafka]:
    """A broker of the test's own."""
    broker = Kafka(tmp_path / "kafka")
    broker.start()
    yield broker
    if broker.pid is not None:
        os.kill(broker.pid, signal.SIGCONT)
    broker.stop()


@pytest.fixture
def own(kafka: Kafka, database_url: str, tmp_path: Path) -> Iterator[System]:
    """A system on it."""
    settings = KafkaSettings(
        kafka_bootstrap_servers=kafka.bootstrap_servers,
        person_changes_topic=TOPIC,
        buyer_group_updates_topic=f"{TOPIC}-out",
        topic_partitions=4,
    )
    ensure_topics(settings)
    made = System(kafka.bootstrap_servers, TOPIC, 4, database_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A PostgreSQL of the test's own."""
    server = Postgres(tmp_path / "postgres", {"fsync": "off"})
    migrate(server.start())
    yield server
    server.stop()
