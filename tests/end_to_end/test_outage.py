"""L1 when PostgreSQL is away, hangs, or refuses: the consumer polls on, goes on where it was, and loses nothing."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import psutil
import psycopg

from db.digest import digest
from local.postgres import Postgres
from local.process import Child
from tests.support.changes import random_log
from tests.support.system import System, wait_for

POLL_INTERVAL_MS = 3000
RETRY = "the database cannot do it now; trying again"


@contextmanager
def frozen(postgres: Postgres) -> Iterator[None]:
    """No process of the server runs; connections stay open, and nobody answers."""
    server = psutil.Process(postgres.pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def events(system: System, consumer: Child, text: str) -> int:
    """How often a consumer has logged this."""
    return sum(text in line["event"] for line in system.log_lines(consumer))


def test_a_database_that_hangs_and_then_restarts_costs_time_only(
    system: System, postgres: Postgres, make_database: Callable[[], str]
) -> None:
    """It hangs for twice the poll interval, then it is restarted, with changes arriving all the time."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "2", "BATCH_MAX_RECORDS": "50"}
    here = replace(system, database_url=postgres.url)
    load = random_log(51, 4000, 50)
    consumer = here.start_consumer(KAFKA_CLIENT_CONFIG=json.dumps({"max.poll.interval.ms": POLL_INTERVAL_MS}))
    here.publish(islice(load, 1500))
    wait_for("progress", lambda: here.consumed() > 100)

    with frozen(postgres):
        here.publish(islice(load, 1000))
        time.sleep(2 * POLL_INTERVAL_MS / 1000)  # the outage: whoever does not poll has lost partitions by now
    held = here.consumed()
    wait_for("progress after the outage", lambda: here.consumed() > held)

    postgres.stop()
    here.publish(load)
    wait_for("new attempt", lambda: events(here, consumer, RETRY))
    postgres.start()
    wait_for("end of the log", here.settled)

    assert here.stop(consumer) == 0
    assert events(here, consumer, "partitions lost") == 0, "it polled all the time"
    assert here.consumed() == sum(here.ends().values())
    honest = replace(system, database_url=make_database())
    honest.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(here.database_url) == digest(honest.database_url)


def test_a_statement_that_is_cancelled_is_tried_again(system: System, make_database: Callable[[], str]) -> None:
    """Somebody holds a lock longer than a statement may take: nothing is skipped, nothing is done twice."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "2", "DATABASE_STATEMENT_TIMEOUT_SECONDS": "0.3"}
    system.publish(random_log(52, 500, 20))
    with psycopg.connect(system.database_url) as locker:
        locker.execute("LOCK TABLE companies IN EXCLUSIVE MODE")
        consumer = system.start_consumer()
        wait_for("third attempt", lambda: events(system, consumer, RETRY) >= 3)
        locker.rollback()
    wait_for("end of the log", system.settled)

    assert system.stop(consumer) == 0
    assert any("QueryCanceled" in line.get("why", "") for line in system.log_lines(consumer))
    honest = replace(system, database_url=make_database(), settings={"REFRESH_INTERVAL_SECONDS": "2"})
    honest.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(system.database_url) == digest(honest.database_url)
