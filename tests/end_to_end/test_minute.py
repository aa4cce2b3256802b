"""L1 and L2 when the broker, or PostgreSQL, is stopped for a minute: the loop turns on, and goes on where it was."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from unittest import mock

import httpx
import pytest

from consumers.runtime.loop import Loop
from db.digest import digest
from local.kafka import Kafka
from local.postgres import Postgres
from local.process import free_port
from tests.support.changes import random_log
from tests.support.system import System, wait_for

STOPPED_SECONDS = 60.0
STILL_SECONDS = 20.0
"""Of a loop that waits for a server nothing turns for all the minute; what is less is a busy machine."""
SETTINGS = {"REFRESH_INTERVAL_SECONDS": "2", "BATCH_MAX_RECORDS": "50", "BUFFER_MAX_RECORDS": "300"}


@contextmanager
def turns() -> Iterator[list[float]]:
    """When the loop of this process's consumer turned."""
    times, turn = list[float](), Loop.turn

    def noted(loop: Loop) -> None:
        turn(loop)
        times.append(time.monotonic())

    with mock.patch.object(Loop, "turn", noted):
        yield times


def longest_still(times: list[float]) -> float:
    """The longest time, s, between two turns."""
    return max(later - earlier for earlier, later in itertools.pairwise(times))


@contextmanager
def probed(port: int) -> Iterator[dict[str, set[int]]]:
    """What the probes answered meanwhile."""
    answers: dict[str, set[int]] = {"healthz": set(), "readyz": set()}
    stop = threading.Event()

    def ask() -> None:
        while not stop.wait(0.5):
            for path, found in answers.items():
                found.add(httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=STILL_SECONDS).status_code)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        stop.set()
        thread.join()


def assert_as_if_nothing_had_happened(system: System, database_url: str) -> None:
    """Every record has its outcome, and every row is that of a run without an outage."""
    assert system.consumed() == sum(system.ends().values())
    honest = replace(system, database_url=database_url)
    honest.drain(consumer_group=f"{system.topic}-undisturbed")
    assert digest(system.database_url) == digest(honest.database_url)


@pytest.mark.slow
def test_a_broker_that_is_stopped_for_a_minute_costs_a_minute(
    kafka: Kafka, own: System, make_database: Callable[[], str]
) -> None:
    """Stopped in the middle of the log and started again; the consumer stays alive, and rejoins by itself."""
    own.settings |= SETTINGS
    load, port = random_log(61, 4000, 60), free_port()
    own.publish(islice(load, 2500))
    with turns() as times, own.consumer_here(consumer_http_port=port):
        wait_for("progress", lambda: own.consumed() > 100)
        with probed(port) as answers:
            kafka.stop()
            time.sleep(STOPPED_SECONDS)  # the outage itself
            kafka.start()
        own.publish(load)
        wait_for("end of the log", lambda: own.stopped() or own.settled())

    assert answers["healthz"] == {200}
    assert longest_still(times) < STILL_SECONDS
    assert_as_if_nothing_had_happened(own, make_database())


@pytest.mark.slow
def test_a_database_that_is_stopped_for_a_minute_costs_a_minute(
    system: System, postgres: Postgres, make_database: Callable[[], str]
) -> None:
    """More changes arrive than may wait: reading pauses, polling does not; readiness says that records wait."""
    system.settings |= SETTINGS
    load, port = random_log(62, 4000, 60), free_port()
    here = replace(system, database_url=postgres.url)
    here.publish(islice(load, 1500))
    with turns() as times, here.consumer_here(consumer_http_port=port):
        wait_for("progress", lambda: here.consumed() > 100)
        postgres.stop()
        here.publish(load)
        with probed(port) as answers:
            time.sleep(STOPPED_SECONDS)  # the outage itself
        postgres.start()
        wait_for("end of the log", lambda: here.stopped() or here.settled())

    assert answers["healthz"] == {200}
    assert 503 in answers["readyz"]
    assert longest_still(times) < STILL_SECONDS
    assert_as_if_nothing_had_happened(here, make_database())
