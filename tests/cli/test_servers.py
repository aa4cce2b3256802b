"""The commands against a real Kafka and a real PostgreSQL."""

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from cli.main import app
from db.status import DatabaseStatus, read_status
from schemas.settings import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.servers


def _run(*words: str) -> str:
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 0, result.output
    return result.stdout


def _positions(url: str, topic: str, *rows: tuple[int, int, int]) -> None:
    with psycopg.connect(url) as conn:
        for partition, offset, log_time in rows:
            conn.execute(
                "INSERT INTO consumer_positions (topic, kafka_partition, next_offset, log_time, consumed, refreshed)"
                " VALUES (%s, %s, %s, from_ms(%s), %s, %s)",
                (topic, partition, offset, log_time, offset, offset),
            )


def _fill(url: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("""
            INSERT INTO companies (company_id, kafka_partition, revision, refresh_due_at, pending_since, pending_count)
            VALUES ('c1', 0, 1, NULL, NULL, 0), ('c2', 0, 3, from_ms(3600000), from_ms(1000), 2)
        """)
        conn.execute("INSERT INTO people (company_id, person_id) VALUES ('c1', 'p1'), ('c1', 'p2'), ('c2', 'p1')")
        conn.execute("INSERT INTO buyer_groups VALUES ('c1', 'default', 1, from_ms(1000), from_ms(1000), 0)")
        conn.execute("INSERT INTO outbox VALUES ('c1', 'default', 1, 'buyer-group-updates', '', from_ms(5000))")
        conn.execute("""
            INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, log_time, reason, status,
                                      settled_at)
            VALUES ('t', 0, 1, from_ms(0), 'bad', 'open', NULL), ('t', 0, 2, from_ms(0), 'bad', 'retried', now())
        """)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database_url: str, kafka_bootstrap: str, topic: str) -> str:
    """An environment that points at the servers; the topic's name."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka_bootstrap)
    monkeypatch.setenv("PERSON_CHANGES_TOPIC", topic)
    monkeypatch.setenv("BUYER_GROUP_UPDATES_TOPIC", f"{topic}-updates")
    monkeypatch.setenv("PERSON_HINTS_TOPIC", f"{topic}-hints")
    return topic


def test_migrate_says_what_it_applied_and_then_that_there_is_nothing_to_do(
    monkeypatch: pytest.MonkeyPatch, server_database_url: str, database_url: str
) -> None:
    """A database that is up to date is left alone."""
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert json.loads(_run("migrate", "--json"))["applied"] == []
    assert "nothing to do" in _run("migrate")
    assert server_database_url


def test_topics_creates_what_is_missing_and_lists_it(monkeypatch: pytest.MonkeyPatch, settings: str) -> None:
    """New topics have the settings that the laws need; the second call creates nothing."""
    name = f"{settings}-new"
    monkeypatch.setenv("PERSON_CHANGES_TOPIC", name)
    monkeypatch.setenv("TOPIC_PARTITIONS", "3")
    first, second = (json.loads(_run("topics", "--json")) for _ in range(2))

    assert sorted(first["created"]) == sorted([name, f"{settings}-updates", f"{settings}-hints"])
    assert second["created"] == []
    assert second["topics"][0] == {
        "name": name,
        "partitions": 3,
        "replication": 1,
        "timestampType": "LogAppendTime",
        "retentionMs": 30 * 24 * 3600 * 1000,
        "records": 0,
    }


def test_topics_as_text_is_a_table(settings: str) -> None:
    """People get names, numbers and units, and a word on a topic with another number of partitions than wanted."""
    text = _run("topics")

    assert settings in text
    assert "LogAppendTime" in text
    assert "TOPIC_PARTITIONS says 12" in text


def test_status_counts_what_is_not_applied_yet(settings: str, database_url: str, kafka_bootstrap: str) -> None:
    """Lag is the log's end less the position, partition by partition."""
    producer = Producer(KafkaSettings(kafka_bootstrap_servers=kafka_bootstrap).producer_config("test"))
    for partition, count in ((0, 5), (1, 3)):
        for _ in range(count):
            producer.produce(settings, b"x", partition=partition)
    assert producer.flush(10) == 0
    _positions(database_url, settings, (0, 4, 1000))
    status = json.loads(_run("status", "--json"))

    assert [place["lag"] for place in status["partitions"][:2]] == [1, 3]
    assert status["lag"] == 4
    assert status["partitions"][0]["logEnd"] == 5
    assert status["partitions"][0]["nextOffset"] == 4
    assert status["partitions"][0]["logTime"] == "1970-01-01T00:00:01.000Z"
    assert status["partitions"][1]["nextOffset"] is None


def test_status_tells_what_waits_and_what_went_wrong(settings: str, database_url: str) -> None:
    """Pending changes, due refreshes, dead letters, outbox and sizes are those of the tables."""
    _fill(database_url)
    _positions(database_url, settings, (0, 0, 1000))
    status = json.loads(_run("status", "--json"))

    assert status["pending"]["companies"] == 1
    assert status["pending"]["changes"] == 2
    assert status["pending"]["since"] == "1970-01-01T00:00:01.000Z"
    assert status["pending"]["nextDue"] == "1970-01-01T01:00:00.000Z"
    assert status["pending"]["refreshesDue"] == 1
    assert status["deadLettersOpen"] == 1
    assert status["outbox"] == {"waiting": 1, "since": "1970-01-01T00:00:05.000Z"}
    assert status["sizes"] == {"companies": 2, "people": 3, "groups": 1, "estimated": False}
    assert status["difference"] == 0


def test_status_as_text_reads_like_an_answer(settings: str, database_url: str) -> None:
    """The same for people, with a table of partitions."""
    _fill(database_url)
    _positions(database_url, settings, (0, 0, 1000))
    text = _run("status")

    assert "2 changes of 1 company" in text
    assert "1 open" in text
    assert "2 companies, 3 people, 1 group" in text
    assert "next offset" in text


def test_status_without_kafka_shows_the_rest(monkeypatch: pytest.MonkeyPatch, settings: str, database_url: str) -> None:
    """The lag is unknown, the database's part is there, and the exit code says that something is wrong."""
    _fill(database_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = CliRunner().invoke(app, ["status", "--json"])
    status = json.loads(result.stdout)

    assert result.exit_code == 1
    assert status["lag"] is None
    assert "127.0.0.1:1" in status["kafkaProblem"]
    assert status["sizes"]["companies"] == 2
    assert settings in status["topic"]


def test_status_of_a_database_without_tables_says_migrate(
    monkeypatch: pytest.MonkeyPatch, settings: str, server_database_url: str
) -> None:
    """The sentence names the command that helps."""
    monkeypatch.setenv("DATABASE_URL", server_database_url.rpartition("/")[0] + "/template1")
    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == 1
    assert "run `person-changes migrate`" in result.stderr
    assert settings not in result.stdout


def test_status_takes_as_many_statements_for_much_as_for_little(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    """The cost in round trips does not follow the number of partitions."""
    counts = [_statements(monkeypatch, database_url, partitions) for partitions in (1, 40)]

    assert counts[0] == counts[1]


def _statements(monkeypatch: pytest.MonkeyPatch, url: str, partitions: int) -> int:
    topic, seen = f"t{partitions}", []
    _positions(url, topic, *((partition, 1, 1000) for partition in range(partitions)))
    execute: Callable[..., object] = psycopg.Connection.execute

    def counted(self: object, query: object, *arguments: object, **options: object) -> object:
        seen.append(query)
        return execute(self, query, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Connection, "execute", counted)
        status: DatabaseStatus = read_status(url, topic)
    assert len(status.partitions) == partitions
    return len(seen)


def test_a_large_table_is_estimated(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """Beyond the limit PostgreSQL's own statistics answer, and the answer says so."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute(
            "INSERT INTO companies (company_id, kafka_partition, revision)"
            " SELECT i::text, 0, 1 FROM generate_series(1, 500) AS s (i)"
        )
        conn.execute("ANALYZE companies")
    monkeypatch.setattr("db.status.EXACT_ROWS", 100)
    overview = read_status(database_url, "t").overview

    assert overview.estimated
    assert overview.companies == 500
