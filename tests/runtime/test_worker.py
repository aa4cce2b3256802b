"""The thread that waits for PostgreSQL: again and again while it is away, and never in the poll loop's way."""

import threading
from collections.abc import Iterator

import pytest

from consumers.runtime import worker as module
from consumers.runtime.worker import GIVEN_UP, Worker
from db.errors import FatalDatabaseError, PositionMovedError, RetryableDatabaseError
from schemas.registry import RegistryUnavailableError

SECONDS = 10


@pytest.fixture
def troubles() -> list[Exception | None]:
    """What the probes were told."""
    return []


@pytest.fixture
def worker(troubles: list[Exception | None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """One that does not wait long between attempts."""
    monkeypatch.setattr(module, "FIRST_DELAY_S", 0.001)
    made = Worker(troubles.append)
    yield made
    made.close(SECONDS)


def test_an_attempt_is_made_again_until_it_succeeds(worker: Worker, troubles: list[Exception | None]) -> None:
    """Nothing is skipped, and the probes know about the trouble and its end."""
    outages = [RetryableDatabaseError("away"), RegistryUnavailableError("away too")]
    attempts = iter([*outages, "done"])

    def attempt() -> object:
        if isinstance(found := next(attempts), Exception):
            raise found
        return found

    assert worker.submit(attempt).result(SECONDS) == "done"
    assert troubles == [*outages, None]


def test_a_partition_that_moved_on_is_given_up(worker: Worker) -> None:
    """Trying again would double what somebody else has done."""

    def attempt() -> object:
        raise PositionMovedError

    assert worker.submit(attempt).result(SECONDS) is GIVEN_UP


@pytest.mark.parametrize("error", [FatalDatabaseError("no table"), ZeroDivisionError("a bug")])
def test_what_trying_again_cannot_mend_is_handed_to_the_loop(worker: Worker, error: Exception) -> None:
    """It ends the process there."""

    def attempt() -> object:
        raise error

    assert worker.submit(attempt).exception(SECONDS) is error


def test_a_cancelled_attempt_is_given_up_and_the_next_one_is_made(worker: Worker) -> None:
    """A revoked partition does not keep the others waiting."""
    tried = threading.Event()

    def attempt() -> object:
        tried.set()
        raise RetryableDatabaseError("away")

    future = worker.submit(attempt)
    tried.wait(SECONDS)
    worker.cancel()

    assert future.result(SECONDS) is GIVEN_UP
    assert worker.submit(lambda: 7).result(SECONDS) == 7
