"""What a consumer does when the log or the database is not as it should be: it says so, and loses nothing."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import httpx
import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from consumers.runtime.intake import Intake, LogError
from local.process import free_port
from tests.support.changes import change, random_log
from tests.support.system import System, wait_for

SOON = {"REFRESH_INTERVAL_SECONDS": "0.1"}
"""So that nothing stays pending for an hour."""


def delete_records(system: System, before: int) -> None:
    """As retention does, in all partitions."""
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    places = [TopicPartition(system.topic, p, min(before, end)) for p, end in system.ends().items()]
    for future in admin.delete_records(places).values():
        future.result()


def test_a_consumer_that_is_new_starts_at_what_retention_has_left(system: System) -> None:
    """Nothing was ever read: nothing is lost by us."""
    system.settings |= SOON
    system.publish(random_log(1, 200, 30))
    delete_records(system, 5)

    system.drain()

    assert system.consumed() == sum(max(0, end - 5) for end in system.ends().values())


def test_records_that_are_gone_before_they_were_read_stop_the_consumer(system: System) -> None:
    """It names what is missing and how to go on all the same; told so, it goes on with what is left."""
    system.settings |= SOON
    system.publish(random_log(1, 200, 30))
    system.drain()
    system.publish(random_log(2, 300, 30))
    delete_records(system, 1_000_000)
    system.publish(random_log(3, 100, 30))

    with pytest.raises(LogError, match=r"retention deleted records.*ACCEPT_LOST_RECORDS"), system.consumer_here():
        wait_for("end of the consumer", lambda: system.positions() == system.ends() or system.stopped(), 20)

    system.drain(accept_lost_records=True)
    assert system.positions() == system.ends()


def test_a_topic_with_producers_times_is_refused(system: System, make_topic: Callable[..., str]) -> None:
    """Law L6 rests on the broker's time."""
    wrong = replace(system, topic=make_topic(2, **{"message.timestamp.type": "CreateTime"}), partitions=2)
    wrong.publish([change()])

    with pytest.raises(LogError, match="LogAppendTime"), wrong.consumer_here():
        wait_for("end of the consumer", wrong.stopped, 20)


def test_a_consumer_without_tables_says_what_to_do(system: System) -> None:
    """It ends with a message, not with a trace."""
    with psycopg.connect(system.database_url) as connection:
        connection.execute("DROP TABLE consumer_positions CASCADE")
    consumer = system.start_consumer()

    assert consumer.popen.wait(60) == 1
    last = system.log_lines(consumer)[-1]
    assert last["event"] == "the consumer cannot go on"
    assert "consumer_positions" in last["why"]
    assert "Traceback" not in json.dumps(last)


def test_a_consumer_is_ready_when_it_has_its_partitions_and_alive_all_the_time(system: System) -> None:
    """Its probes and metrics, by HTTP."""
    port = free_port()
    system.publish(random_log(9, 50, 5))
    consumer = system.start_consumer(CONSUMER_HTTP_PORT=str(port))

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def counted() -> str:
        """The metrics, once the changes are in them; a tick may be as well."""
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        counts = [line.split()[1] for line in text.splitlines() if line.startswith("consumer_records_total ")]
        return text if sum(map(float, counts)) >= 50 else ""

    wait_for("readiness", ready)
    wait_for("end of the log", lambda: system.positions() == system.ends())
    metrics = wait_for("counted records", counted)
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert "consumer_conservation_difference 0.0" in metrics
    wait_for(
        "measured freshness",
        lambda: "uncovered_change_seconds 0.0" not in httpx.get(f"http://127.0.0.1:{port}/metrics").text,
    )
    assert system.stop(consumer) == 0


def test_a_partition_that_was_held_at_a_deleted_offset_is_read_all_the_same(system: System) -> None:
    """Where partitions are held before they are placed is nobody's position: retention may have deleted it."""
    system.settings |= SOON
    system.publish(random_log(1, 400, 40))
    delete_records(system, 3)
    hold = Intake.hold

    def late(intake: Intake, partitions: Iterable[int]) -> None:
        """Let the client fetch, and be refused, before the partitions are paused."""
        time.sleep(0.3)
        hold(intake, partitions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Intake, "hold", late)
        system.drain()

    assert system.positions() == system.ends()
