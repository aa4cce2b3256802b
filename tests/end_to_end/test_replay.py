"""verify, rebuild and replay on real servers, with consumers at work."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from db.digest import digest
from tests.support.changes import change, random_log
from tests.support.system import System, wait_for

DAMAGE = "UPDATE employments SET title = 'Damaged' WHERE company_id = %s"


@pytest.fixture
def system(system: System) -> System:
    """With refreshes so close that nothing stays pending for an hour."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "2", "BATCH_MAX_RECORDS": "100"}
    return system


def execute(system: System, text: str, *values: object) -> None:
    """Change live behind the log's back."""
    with psycopg.connect(system.database_url) as connection:
        connection.execute(text.encode(), values)


def answer(system: System, *words: str, code: int = 0) -> Any:
    """What a command says with --json."""
    done = system.command(*words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def shadows(system: System) -> list[str]:
    """Schemas that folds aside have left."""
    found = system.query("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, current_schema() || '_')")
    return [name for (name,) in found]


@contextmanager
def load(system: System, seed: int) -> Iterator[None]:
    """Changes all the time, as long as the context lasts."""
    stop, changes = threading.Event(), random_log(seed, 100_000, 50)

    def publish() -> None:
        while not stop.wait(0.1):
            system.publish(islice(changes, 100))

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        yield
    finally:
        stop.set()
        publisher.join()


def company_of(system: System, nth: int = 0) -> str:
    """A company with people."""
    found = system.query("SELECT DISTINCT company_id FROM employments ORDER BY 1")
    return str(found[nth][0])


def test_verify_finds_what_was_damaged_and_nothing_else(system: System) -> None:
    """A changed, a missing and an invented row are named with both versions, by company; the exit code is 1."""
    system.publish(random_log(31, 800, 20))
    system.drain()
    assert answer(system, "verify")["equal"] is True

    one, two, three = (company_of(system, n) for n in range(3))
    execute(system, DAMAGE, one)
    execute(system, "DELETE FROM webhook_events WHERE company_id = %s", two)
    execute(
        system,
        "INSERT INTO buyer_group_members VALUES (%s, 'default', 'nobody', 'champion', '', '', '', '', 1, '')",
        three,
    )

    found = answer(system, "verify", "--first", "500", code=1)
    assert found["equal"] is False
    assert {table["table"]: table["differ"] for table in found["tables"] if table["differ"]} == {
        "employments": 1,
        "webhook_events": 1,
        "buyer_group_members": 1,
    }
    kinds = {(d["table"], d["part"], d["live"] is None, d["log"] is None) for d in found["first"]}
    assert kinds == {
        ("employments", one, False, False),
        ("webhook_events", two, True, False),
        ("buyer_group_members", three, False, True),
    }
    text = system.command("verify").stdout
    assert 'title is "Damaged", by the log ' in text
    assert not shadows(system)


def test_verify_while_consumers_work_is_not_misled(system: System) -> None:
    """Live moves on all the time; the comparison is as of one position."""
    consumer = system.start_consumer()
    with load(system, 32):
        wait_for("progress", system.consumed)

        found = answer(system, "verify")

    assert found["equal"] is True
    assert next(t["live"]["rows"] for t in found["tables"] if t["table"] == "webhook_events") > 0
    assert system.stop(consumer) == 0


def test_a_rebuild_is_promoted_under_load_and_nothing_is_lost_or_doubled(
    system: System, make_database: Callable[[], str]
) -> None:
    """Live was damaged; a promotion amid consumption leaves every row as an undisturbed consumer makes it."""
    system.publish(random_log(33, 1500, 50))
    consumers = [system.start_consumer() for _ in range(2)]
    wait_for("first part", lambda: system.consumed() >= 1500)
    for nth in range(5):
        execute(system, DAMAGE, company_of(system, nth))

    with load(system, 33):
        assert answer(system, "rebuild")["equal"] is False
        promoted = answer(system, "rebuild", "--promote")
        here = system.consumed()
        wait_for("more", lambda: system.consumed() > here)

    assert (promoted["promoted"], promoted["consumersTold"]) == (True, True)
    wait_for("end of the log", system.settled)
    assert [system.stop(child) for child in consumers] == [0, 0]
    system.drain()
    undisturbed = replace(system, database_url=make_database())
    undisturbed.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(system.database_url) == digest(undisturbed.database_url)
    assert not shadows(system)


def test_a_promotion_wakes_consumers_on_which_nothing_arrives(system: System) -> None:
    """A tick to each partition: they read again where they are, and what is due."""
    system.publish(random_log(34, 200, 20))
    consumer = system.start_consumer()
    wait_for("end of the log", system.settled)
    answer(system, "rebuild")

    answer(system, "rebuild", "--promote")

    wait_for("end of the log", system.settled)
    again = "a partition was moved on by another consumer; reading its position again"
    wait_for("new look", lambda: any(line["event"] == again for line in system.log_lines(consumer)))
    assert system.stop(consumer) == 0
    assert answer(system, "verify")["equal"] is True


def test_a_promotion_keeps_what_is_not_the_logs(system: System) -> None:
    """Rows that were right keep their clocks and what operators decided; what was told before is not told again."""
    system.publish(random_log(35, 300, 10))
    system.publish_bytes((b"acme", b"no Avro"))
    system.drain()
    execute(system, "UPDATE dead_letters SET status = 'discarded', settled_at = now(), settled_why = 'known'")
    execute(system, "DELETE FROM outbox")  # the relay has told everything
    clocks = system.query("SELECT company_id, log_time, started_at FROM buyer_group_refresh_logs ORDER BY 1, 2")
    execute(system, DAMAGE, company_of(system))
    answer(system, "rebuild")

    answer(system, "rebuild", "--promote")

    assert system.query("SELECT status, settled_why FROM dead_letters") == [("discarded", "known")]
    assert system.query("SELECT company_id, log_time, started_at FROM buyer_group_refresh_logs ORDER BY 1, 2") == clocks
    assert system.query("SELECT count(*) FROM outbox") == [(0,)]
    system.drain()
    assert answer(system, "verify")["equal"] is True


def test_a_replay_puts_chosen_companies_right_and_leaves_others(system: System) -> None:
    """A dry run changes nothing; then live is as the log says for those companies, and verify names only the rest."""
    system.publish(random_log(36, 600, 10))
    system.drain()
    one, two = company_of(system, 0), company_of(system, 1)
    execute(system, DAMAGE, one)
    execute(system, "DELETE FROM webhook_events WHERE company_id = %s", one)
    execute(system, DAMAGE, two)

    dry = answer(system, "replay", "--company", one, "--dry-run")
    assert (dry["companies"], dry["equal"], dry["promoted"]) == ([one], False, False)
    assert {d["part"] for d in dry["first"]} == {one}
    assert system.query(f"SELECT count(*) > 0 FROM employments WHERE company_id = '{one}' AND title = 'Damaged'")  # noqa: S608

    done = answer(system, "replay", "--company", one)
    assert done["promoted"] is True
    system.drain()

    found = answer(system, "verify", "--first", "500", code=1)
    assert {(d["table"], d["part"]) for d in found["first"]} == {("employments", two)}
    assert answer(system, "replay", "--company", one)["promoted"] is False, "nothing differs any more"
    assert not shadows(system)


def test_a_replay_of_what_was_a_dead_letter_keeps_the_counts_right(system: System) -> None:
    """Outcomes change from dead letter to applied: positions count as an undisturbed run does (law L7)."""
    system.publish(random_log(37, 400, 6))
    system.drain()
    one = company_of(system)
    execute(
        system,
        "WITH gone AS (DELETE FROM webhook_events WHERE company_id = %s AND deliveries = 1 RETURNING *), letters AS ("
        " INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, company_id, log_time, reason)"
        " SELECT %s, kafka_partition, kafka_offset, company_id, log_time, 'a bug' FROM gone)"
        " UPDATE consumer_positions p SET refreshed = p.refreshed - n.refreshed, deferred = p.deferred - n.deferred,"
        " superseded = p.superseded - n.superseded,"
        " dead_letter = p.dead_letter + n.refreshed + n.deferred + n.superseded"
        " FROM (SELECT kafka_partition, count(*) FILTER (WHERE outcome = 'refreshed') AS refreshed,"
        " count(*) FILTER (WHERE outcome = 'deferred') AS deferred,"
        " count(*) FILTER (WHERE outcome = 'superseded') AS superseded FROM gone GROUP BY 1) n"
        " WHERE p.kafka_partition = n.kafka_partition",
        one,
        system.topic,
    )
    assert answer(system, "verify", code=1)["equal"] is False

    assert answer(system, "replay", "--company", one)["promoted"] is True

    system.drain()
    assert answer(system, "verify")["equal"] is True


def test_a_log_without_its_beginning_is_not_promoted_unless_told(system: System) -> None:
    """What live knows of the lost records would be gone: it says so, and refuses."""
    system.publish(random_log(38, 400, 20))
    system.drain()
    admin = AdminClient({"bootstrap.servers": system.bootstrap})
    ends = system.ends()
    for future in admin.delete_records([TopicPartition(system.topic, p, end // 2) for p, end in ends.items()]).values():
        future.result()

    found = answer(system, "rebuild", code=0)
    assert found["equal"] is False
    assert found["logBeginsAt"] == {str(p): end // 2 for p, end in ends.items() if end > 1}
    before = digest(system.database_url)
    assert shadows(system), "a rebuild stays"
    for words in (("rebuild", "--promote"), ("replay", "--company", company_of(system))):
        refused = system.command(*words)
        assert refused.returncode == 1
        assert "has lost its beginning" in refused.stderr
        assert "--accept-cut-off-log" in refused.stderr
    assert digest(system.database_url) == before

    assert answer(system, "rebuild", "--promote", "--accept-cut-off-log")["promoted"] is True
    system.publish([change("after", company="new")])
    system.drain()
    assert answer(system, "verify")["equal"] is True


def test_there_is_nothing_to_promote_before_a_rebuild(system: System) -> None:
    """It says what to run first."""
    system.drain()

    done = system.command("rebuild", "--promote")

    assert done.returncode == 1
    assert "run `person-changes rebuild`" in done.stderr
    assert answer(system, "rebuild", "--discard") == {"discarded": False}
    assert system.command("rebuild", "--promote", "--discard").returncode == 2
