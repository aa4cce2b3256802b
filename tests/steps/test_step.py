"""A step has one effect: called again, at the same time, after a failure, after a crash."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest

from consumers.steps import InvalidInputError, OtherInputError, PipelineContext, Run, Step
from consumers.steps.models import Value
from db.operations import OperationBusyError
from tests.support.system import PATIENCE, ROOT, wait_for


class Asked(Value):
    """What the steps of these tests take."""

    company_id: str = "acme"
    number: int = 1


class Given(Value):
    """What they give."""

    number: int
    made_by: int


@dataclass
class Work:
    """Work that counts how often it was done, and can be held up or fail."""

    done: int = 0
    fails: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.may_end.set()

    def __call__(self, asked: Asked, run: Run) -> Given:
        """Do it."""
        self.done += 1
        made_by = self.done
        self.runs.append(run)
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        if made_by <= self.fails:
            raise OSError(f"the disk of number {asked.number} is full")
        return Given(number=asked.number, made_by=made_by)

    def step(self) -> Step[Asked, Given]:
        """The step that does it."""
        return Step("count", Asked, Given, lambda asked: asked.company_id, self)


def rows(database_url: str) -> list[tuple[object, ...]]:
    """What is recorded."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "SELECT company_id, step, idempotency_key, status, attempts, error FROM pipeline_operations ORDER BY 1, 3"
        ).fetchall()


def test_a_step_that_is_called_again_returns_what_came_out(
    make_context: Callable[..., PipelineContext], database_url: str
) -> None:
    """From another process too: the record has it; another run, company or key is another run of the step."""
    work = Work()
    with make_context() as first, make_context() as second, make_context("tomorrow") as other:
        assert work.step().execute({"number": 5}, first) == Given(number=5, made_by=1)
        assert work.step().execute(Asked(number=5), second) == Given(number=5, made_by=1)
        assert work.step().execute({"number": 5}, other).made_by == 2
        assert work.step().execute({"number": 5}, first, key="once more").made_by == 3
        assert work.step().execute({"number": 6, "company_id": "other"}, first).made_by == 4

    assert rows(database_url) == [
        ("acme", "nightly.count", "once more", "succeeded", 1, None),
        ("acme", "nightly.count", "today", "succeeded", 1, None),
        ("acme", "nightly.count", "tomorrow", "succeeded", 1, None),
        ("other", "nightly.count", "today", "succeeded", 1, None),
    ]
    with psycopg.connect(database_url) as connection:
        ((times,),) = connection.execute(
            "SELECT count(*) FROM pipeline_operations WHERE duration_ms >= 0 AND finished_at >= created_at"
            " AND length(input_hash) = 32"
        )
    assert times == 4


def test_the_same_key_with_another_input_is_an_error(make_context: Callable[..., PipelineContext]) -> None:
    """Also when the first run failed; nothing is run, and the message says what to do."""
    work = Work(fails=1)
    with make_context() as context:
        with pytest.raises(OSError, match="number 5"):
            work.step().execute({"number": 5}, context)
        with pytest.raises(OtherInputError, match=r"nightly.count.*acme.*'today'.*key of its own"):
            work.step().execute({"number": 6}, context)
        assert work.step().execute({"number": 5}, context).made_by == 2
        with pytest.raises(OtherInputError):
            work.step().execute({"number": 6}, context)
    assert work.done == 2


def test_a_failed_run_keeps_its_error_and_may_be_tried_again(
    make_context: Callable[..., PipelineContext], database_url: str
) -> None:
    """What the work raised is raised; every attempt has the same name and the same beginning."""
    work = Work(fails=1)
    with make_context() as context:
        with pytest.raises(OSError, match="disk"):
            work.step().execute({"number": 5}, context)
        failed = rows(database_url)
        work.step().execute({"number": 5}, context)

    error = "OSError: the disk of number 5 is full"
    assert failed == [("acme", "nightly.count", "today", "failed", 1, error)]
    assert rows(database_url) == [("acme", "nightly.count", "today", "succeeded", 2, None)]
    assert len({(run.name, run.first_at) for run in work.runs}) == 1


def test_two_at_once_do_it_once(make_context: Callable[..., PipelineContext], database_url: str) -> None:
    """The second waits, and returns what the first gave; who waits for too long is told so."""
    work = Work()
    work.may_end.clear()

    def call(wait_seconds: float) -> Given:
        with make_context(wait_seconds=wait_seconds) as context:
            return work.step().execute({"number": 5}, context)

    with ThreadPoolExecutor(3) as pool:
        try:
            first = pool.submit(call, PATIENCE)
            assert work.begun.wait(PATIENCE)
            second, impatient = pool.submit(call, PATIENCE), pool.submit(call, 0.1)
            with pytest.raises(OperationBusyError, match=r"under way elsewhere for 0.2 s"):
                impatient.result(PATIENCE / 2)
            assert not second.done()
        finally:
            work.may_end.set()
        assert first.result() == second.result() == Given(number=5, made_by=1)

    assert rows(database_url) == [("acme", "nightly.count", "today", "succeeded", 1, None)]


CRASH = """
import time
from consumers.steps import PipelineContext, Step
from tests.steps.test_step import Asked, Given

def work(asked, run):
    print("at work", flush=True)
    time.sleep(600)

with PipelineContext("nightly", "today") as context:
    Step("count", Asked, Given, lambda asked: asked.company_id, work).execute({"number": 5}, context)
"""


def test_a_run_whose_process_was_killed_is_taken_over(
    make_context: Callable[..., PipelineContext], database_url: str
) -> None:
    """While it lives, nobody takes it; once it is dead, whoever asks next does it, as attempt 2."""
    environment = {**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", CRASH]
    work = Work()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"at work\n"
            with make_context(wait_seconds=0.1) as context, pytest.raises(OperationBusyError):
                work.step().execute({"number": 5}, context)
        finally:
            process.send_signal(signal.SIGKILL)
    assert rows(database_url) == [("acme", "nightly.count", "today", "running", 1, None)]

    with make_context() as context:
        assert work.step().execute({"number": 5}, context) == Given(number=5, made_by=1)
    assert rows(database_url) == [("acme", "nightly.count", "today", "succeeded", 2, None)]


CUT = """
SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND datname = current_database() AND query LIKE '%INSERT INTO pipeline_operations%'
  AND pid <> pg_backend_pid()
"""


def test_a_run_that_lost_its_connection_and_was_overtaken_does_not_count(
    make_context: Callable[..., PipelineContext], database_url: str
) -> None:
    """It goes on without its lock; another does the run, and both return what that one gave."""
    slow, quick = Work(), Work(done=10)
    slow.may_end.clear()

    def call() -> Given:
        with make_context() as context:
            return slow.step().execute({"number": 5}, context)

    with ThreadPoolExecutor(1) as pool:
        overtaken = pool.submit(call)
        assert slow.begun.wait(PATIENCE)
        with psycopg.connect(database_url, autocommit=True) as connection:
            wait_for("connection to cut", lambda: connection.execute(CUT).fetchall())
        with make_context() as context:
            assert quick.step().execute({"number": 5}, context).made_by == 11
        slow.may_end.set()
        assert overtaken.result().made_by == 11

    assert rows(database_url) == [("acme", "nightly.count", "today", "succeeded", 2, None)]


def test_a_run_whose_output_was_erased_is_run_again(
    make_context: Callable[..., PipelineContext], database_url: str
) -> None:
    """An output may hold personal data; that it is gone must not make the step useless."""
    work = Work()
    with make_context() as context:
        work.step().execute({"number": 5}, context)
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE pipeline_operations SET output = NULL")
        assert work.step().execute({"number": 5}, context).made_by == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"number": "many"}, r"count: number: .*valid integer"),
        ({"number": 1, "colour": "red"}, r"count: colour: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_input_names_the_field_and_is_not_recorded(
    make_context: Callable[..., PipelineContext], database_url: str, given: dict[str, object], message: str
) -> None:
    """Nothing is run."""
    work = Work()
    with make_context() as context, pytest.raises(InvalidInputError, match=message):
        work.step().execute(given, context)
    assert (work.done, rows(database_url)) == (0, [])


@pytest.mark.parametrize(
    ("pipeline", "run", "message"), [("Nightly Run", "r", "pipeline: lower case"), ("nightly", " ", "run: must not be")]
)
def test_names_of_pipelines_and_runs_are_held_against_limits(pipeline: str, run: str, message: str) -> None:
    """They become part of keys."""
    with pytest.raises(InvalidInputError, match=message):
        PipelineContext(pipeline, run)
