"""L1 and L2 when PostgreSQL refuses a transaction: what may go better later is tried again, and has one effect."""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import psycopg
import structlog.testing
from psycopg import sql
from structlog.typing import EventDict

from db.digest import digest
from tests.support.changes import random_log
from tests.support.system import PATIENCE, System, wait_for

RETRY = "the database cannot do it now; trying again"
SMALL = {"REFRESH_INTERVAL_SECONDS": "1", "BATCH_MAX_RECORDS": "20"}
REFUSALS = {
    "53100": "DiskFull",
    "53200": "OutOfMemory",
    "53300": "TooManyConnections",
    "40001": "SerializationFailure",
    "40P01": "DeadlockDetected",
    "57014": "QueryCanceled",
    "55P03": "LockNotAvailable",
    "57P03": "CannotConnectNow",
    "58030": "IoError",
}
EVERY_OTHER = """
CREATE SEQUENCE attempts MINVALUE 0;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    codes text[] := {codes};
    attempt bigint := nextval('attempts');
BEGIN
    IF attempt % 2 = 0 AND attempt / 2 < cardinality(codes) THEN
        RAISE EXCEPTION 'refused by the test' USING ERRCODE = codes[attempt / 2 + 1];
    END IF;
    RETURN NULL;
END $$;
"""
AT_THE_STATEMENT = "CREATE TRIGGER refuses AFTER INSERT ON webhook_events EXECUTE FUNCTION refuse()"
AT_THE_COMMIT = """
CREATE CONSTRAINT TRIGGER refuses AFTER UPDATE ON consumer_positions DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION refuse()
"""


def refuse(system: System, codes: list[str], when: str) -> None:
    """Let every other batch be refused, with one of these codes each; a sequence counts on when all is rolled back."""
    function = sql.SQL(EVERY_OTHER).format(codes=sql.Literal(codes))
    with psycopg.connect(system.database_url, autocommit=True) as connection:
        connection.execute(function)
        connection.execute(when.encode())


def refused(logs: list[EventDict]) -> list[str]:
    """Which errors made the consumer try again."""
    return [line["why"].partition(":")[0] for line in logs if line["event"] == RETRY]


def assert_undisturbed(system: System, database_url: str) -> None:
    """Every row is that of a run without refusals."""
    honest = replace(system, database_url=database_url)
    honest.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(system.database_url) == digest(honest.database_url)
    assert system.consumed() == sum(system.ends().values())


def test_what_a_full_disk_or_a_collision_refuses_is_tried_again(
    system: System, make_database: Callable[[], str]
) -> None:
    """A statement in the middle of the transaction fails, with each code that a later attempt may not meet."""
    system.settings |= SMALL
    refuse(system, list(REFUSALS), AT_THE_STATEMENT)
    system.publish(random_log(71, 600, 30))
    with structlog.testing.capture_logs() as logs:
        system.drain()

    assert set(REFUSALS.values()) <= set(refused(logs))
    assert_undisturbed(system, make_database())


def test_what_the_commit_refuses_is_tried_again(system: System, make_database: Callable[[], str]) -> None:
    """All statements went well, and then nothing took effect."""
    system.settings |= SMALL
    refuse(system, ["53100", "40001", "40P01"], AT_THE_COMMIT)
    system.publish(random_log(72, 600, 30))
    with structlog.testing.capture_logs() as logs:
        system.drain()

    assert {"DiskFull", "SerializationFailure", "DeadlockDetected"} <= set(refused(logs))
    assert_undisturbed(system, make_database())


def with_settings(database_url: str, **settings: str) -> str:
    """The same database, with other settings of PostgreSQL for whoever connects."""
    return database_url + "".join(f"%20-c%20{name}%3D{value}" for name, value in settings.items())


def blocked(system: System) -> bool:
    """Whether somebody waits for a lock on a table of this schema."""
    return bool(
        system.query("""
        SELECT 1 FROM pg_locks l JOIN pg_locks held USING (pid)
        WHERE NOT l.granted AND held.relation = 'consumer_positions'::regclass
    """)
    )


def test_a_serialization_failure_is_tried_again(system: System, make_database: Callable[[], str]) -> None:
    """Under repeatable read, somebody commits a row that the consumer is about to write."""
    system.settings |= SMALL
    system.publish(random_log(73, 300, 10))
    system.drain()
    strict = replace(
        system, database_url=with_settings(system.database_url, default_transaction_isolation="serializable")
    )
    with psycopg.connect(system.database_url) as other:
        other.execute("UPDATE consumer_positions SET log_time = log_time")
        with structlog.testing.capture_logs() as logs, strict.consumer_here():
            strict.publish(random_log(74, 300, 10))
            wait_for("collision", lambda: blocked(system))
            other.commit()
            wait_for("end of the log", lambda: strict.stopped() or strict.settled())

    assert "SerializationFailure" in refused(logs)
    assert_undisturbed(system, make_database())


def test_a_deadlock_is_tried_again(system: System, make_database: Callable[[], str]) -> None:
    """The consumer holds a position and wants a company; somebody holds the company and wants the position."""
    system.settings |= SMALL
    load = random_log(75, 600, 10)
    system.publish(islice(load, 300))
    system.drain()
    patient = f"{PATIENCE:.0f}s"
    hasty = replace(system, database_url=with_settings(system.database_url, deadlock_timeout="3s"))
    with psycopg.connect(with_settings(system.database_url, deadlock_timeout=patient)) as other:
        other.execute("SELECT 1 FROM companies FOR UPDATE")
        with structlog.testing.capture_logs() as logs, hasty.consumer_here():
            hasty.publish(load)
            wait_for("collision", lambda: blocked(system))
            began = time.monotonic()
            other.execute("UPDATE consumer_positions SET log_time = log_time")
            assert time.monotonic() - began < PATIENCE, "the consumer gave way"
            other.rollback()
            wait_for("end of the log", lambda: hasty.stopped() or hasty.settled())

    assert "DeadlockDetected" in refused(logs)
    assert_undisturbed(system, make_database())
