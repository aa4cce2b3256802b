"""The inbox is pruned by consumers at work, and verify is not misled by it."""

import time
from itertools import islice
from typing import Any, Final

import psycopg

from tests.end_to_end.test_replay import answer
from tests.support.changes import change, random_log
from tests.support.system import System, wait_for

RETENTION_S: Final = 4
INBOX: Final = "SELECT count(*) FROM webhook_events"
KEYS: Final = "SELECT e.company_id, e.source, e.event_id FROM webhook_events e"
OLD: Final = f"{KEYS} JOIN consumer_positions p USING (kafka_partition) WHERE e.log_time <= p.log_time - interval '4 s'"
DUPLICATES: Final = "SELECT sum(duplicate) FROM consumer_positions"


def execute(system: System, text: str) -> None:
    """Change live behind the log's back."""
    with psycopg.connect(system.database_url) as connection:
        connection.execute(text.encode())


def consume(system: System, **settings: str) -> Any:
    """Start a consumer and wait until it has read the log."""
    consumer = system.start_consumer(**settings)
    wait_for("end of the log", lambda: sum(system.positions().values()) == sum(system.ends().values()))
    return consumer


def test_consumers_prune_and_verify_agrees(system: System) -> None:
    """What is old goes, consumption goes on, what came again since has its outcome; a damaged younger row is found."""
    system.settings |= {
        "INBOX_RETENTION_DAYS": str(RETENTION_S / 86_400),
        "TOPIC_RETENTION_HOURS": str((RETENTION_S - 1) / 3600),
    }
    said = [*random_log(41, 400, 20)]
    system.publish(said)
    published = time.monotonic()
    assert system.stop(consume(system)) == 0
    wait_for("time to go by", lambda: time.monotonic() - published > RETENTION_S + 1)
    duplicates = system.query(DUPLICATES)[0][0]
    system.publish([*said[:100], *islice(random_log(42, 1000, 20), 200)])
    assert system.stop(consume(system)) == 0
    again, old = system.query(DUPLICATES)[0][0] - duplicates, {*system.query(OLD)}

    consumer = system.start_consumer()  # its first ticks make more rows old, which are for the next minute
    wait_for("pruning", lambda: old.isdisjoint(system.query(KEYS)))
    system.publish([change("after", "after")])
    wait_for("more", lambda: system.query("SELECT 1 FROM webhook_events WHERE event_id = 'after'"))
    assert system.stop(consumer) == 0

    assert old
    assert again < 50, "of a hundred that came again after that time"
    assert answer(system, "verify")["equal"] is True
    execute(system, "UPDATE webhook_events SET reason = 'damaged' WHERE event_id = 'after'")
    damaged = answer(system, "verify", code=1)
    assert [(each["table"], each["part"]) for each in damaged["first"]] == [("webhook_events", "after")]


def test_a_retention_of_0_keeps_all(system: System) -> None:
    """A consumer without work deletes nothing, and the next one with a retention does."""
    system.publish(random_log(43, 100, 5))
    assert system.stop(consume(system)) == 0
    execute(system, "UPDATE webhook_events SET log_time = log_time - interval '900 d'")
    before = system.query(INBOX)

    consumer = consume(system, INBOX_RETENTION_DAYS="0")
    for number in range(3):  # between two changes the consumer has nothing to do
        system.publish([change(f"e{number}", "idle")])
        wait_for("change", lambda: system.query(INBOX) == [(before[0][0] + number + 1,)])  # noqa: B023  # called at once
    assert system.stop(consumer) == 0

    consumer = system.start_consumer()
    wait_for("pruning", lambda: system.query(INBOX) == [(3,)])
    assert system.stop(consumer) == 0
