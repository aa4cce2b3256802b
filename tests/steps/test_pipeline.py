"""The documented example as a user runs it, and saving: through the log, once, whatever crashes."""

import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.steps import (
    InvalidInputError,
    NotCoveredError,
    OtherInputError,
    PipelineContext,
    PipelineSettings,
    UnknownWorkspaceError,
    derive_buyer_group,
    discover_members,
    load_buyer_group,
    resolve_company,
    save_buyer_group,
)
from schemas.events import ChangeType
from tests.support.changes import change
from tests.support.system import PATIENCE, ROOT, System, wait_for

PAGE = (ROOT / "docs" / "steps.md").read_text("utf-8")
EXAMPLE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
DIES_AFTER_APPENDING = """
import os, signal
from consumers.steps import saving
saving._applied = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
"""
ADA, BO = {"person_id": "ada", "name": "Ada", "title": "VP Sales"}, {"person_id": "bo", "title": "Head of Marketing"}
ACME = {"company_id": "acme", "company_name": "Acme", "employee_count": 250}


def start(system: System, code: str, run: str) -> "subprocess.Popen[str]":
    """A user's script, in a process of its own."""
    script = Path(system.folder) / "import_people.py"
    script.write_text(code)
    environment = {**os.environ, **system._environment()}
    return subprocess.Popen(
        [sys.executable, str(script), run], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def context(system: System, run: str, wait_seconds: float = PATIENCE) -> PipelineContext:
    """A run of a pipeline of this test's own."""
    return PipelineContext("test", run, settings(system), wait_seconds)


def settings(system: System, **others: str) -> PipelineSettings:
    """Where the test's log and database are."""
    return PipelineSettings.model_validate(system.consumer_settings().model_dump() | others)


def recorded(system: System) -> list[tuple[object, ...]]:
    """What pipelines ran."""
    return system.query(
        "SELECT step, status, attempts FROM pipeline_operations WHERE step <> 'save_buyer_group' ORDER BY step"
    )


def deliveries(system: System) -> int:
    """How often changes were read."""
    return int(system.query("SELECT coalesce(sum(deliveries), 0) FROM webhook_events")[0][0])


def test_the_documented_example_run_by_two_processes_at_once_does_all_once(system: System) -> None:
    """Both print the same; run again, it prints the same from the record."""
    with system.consumer_here():
        both = [start(system, EXAMPLE, "2026-11-24") for _ in range(2)]
        outputs = [process.communicate(timeout=PATIENCE) for process in both]
        again = start(system, EXAMPLE, "2026-11-24").communicate(timeout=PATIENCE)

    assert [error for _, error in (*outputs, again)] == ["", "", ""]
    assert {text for text, _ in (*outputs, again)} == {outputs[0][0]}
    lines = outputs[0][0].splitlines()
    assert lines[0] == "2 would be members"
    assert [line.split(":")[0] for line in lines[1:]] in (
        ["covered", "decision_maker", "decision_maker"],
        ["deferred", "decision_maker"],
    )
    steps = ("derive_buyer_group", "discover_members", "resolve_company", "save_buyer_group", "validate_company_input")
    assert recorded(system) == [(f"spreadsheet.{name}", "succeeded", 1) for name in steps]
    assert system.query("SELECT source, deliveries FROM webhook_events") == [("pipeline-spreadsheet", 1)] * 2
    assert system.command("verify").returncode == 0


def test_a_crash_between_saying_and_recording_has_one_effect(system: System) -> None:
    """Killed when the log has all, and the record nothing; started again, it says the same again, which is no news."""
    with system.consumer_here():
        dying = start(system, DIES_AFTER_APPENDING + EXAMPLE, "today")
        dying.communicate(timeout=PATIENCE)
        assert dying.returncode == -9
        wait_for("changes of the dead", lambda: deliveries(system) == 2)
        assert ("spreadsheet.save_buyer_group", "running", 1) in recorded(system)
        heir = start(system, EXAMPLE, "today")
        _, error = heir.communicate(timeout=PATIENCE)
        wait_for("duplicates", lambda: deliveries(system) == 4)

    assert (heir.returncode, error) == (0, "")
    assert [attempts for *_, attempts in recorded(system)] == [1, 1, 1, 2, 1]
    assert system.query("SELECT deliveries FROM webhook_events") == [(2,), (2,)]
    assert system.query("SELECT version FROM buyer_groups")[0][0] <= 2
    assert system.command("verify").returncode == 0


def test_saving_waits_for_the_group_or_says_when_it_follows(system: System) -> None:
    """The first is covered at once; what comes within the hour is deferred, and what is no news needs nothing."""
    with system.consumer_here(), context(system, "one") as one, context(system, "two") as two:
        first = save_buyer_group.execute({"company": ACME, "people": [ADA]}, one)
        second = save_buyer_group.execute({"company": ACME, "people": [ADA]}, two)
        third = save_buyer_group.execute({"company": ACME, "people": [BO]}, two, key="bo")
        again = save_buyer_group.execute({"company": ACME, "people": [ADA]}, two, key="ada again")
        loaded = load_buyer_group.execute({"company_id": "acme"}, two)

    assert (first.status, first.covered_at, first.outcomes) == ("covered", None, {"refreshed": 1})
    assert [(m.person_id, m.role) for m in first.group.members] == [("ada", "decision_maker")]
    assert (second.status, second.outcomes, second.group.version) == ("covered", {"superseded": 1}, 1)
    assert (third.status, third.outcomes) == ("deferred", {"deferred": 1})
    assert third.covered_at == third.group.refresh_due_at == (third.group.refreshed_at or 0) + 3_600_000
    assert (again.status, again.covered_at) == ("deferred", third.covered_at)
    assert loaded == third.group


def test_a_pipeline_reads_what_the_consumer_derives(system: System) -> None:
    """Roster and own people together; what the group would be is what it becomes."""
    told = change("e1", "acme", "ada", "VP Sales", employee_count=250)
    chosen = change("e2", "acme", "bo", None, kind=ChangeType.ROLE_SET)
    system.publish([replace(chosen, role="blocker", workspace_id="default", requested_by="me@example.com")])
    system.publish([replace(told, person=replace(told.person, seniority="cxo") if told.person else None)])
    own = [BO, {"person_id": "ada", "country": "DE"}]
    with system.consumer_here(refresh_interval_seconds=0.01), context(system, "r") as run:
        wait_for("roster", lambda: system.consumed() >= 2)
        company = resolve_company.execute({"company_id": "acme"}, run).company
        found = discover_members.execute({"company_id": "acme", "people": own}, run)
        derived = derive_buyer_group.execute({"company": company, "people": found.people}, run)
        saved = save_buyer_group.execute({"company": company, "people": own}, run)
        wait_for("refresh", system.settled)
        group = load_buyer_group.execute({"company_id": "acme"}, run)
        gone = [{"person_id": "ada", "present": False}]
        left = discover_members.execute({"company_id": "acme", "people": gone}, run, key="later")

    assert [(p.person_id, p.title, p.seniority, p.country) for p in found.people] == [
        ("ada", "VP Sales", "cxo", "DE"),
        ("bo", "Head of Marketing", None, None),
    ]
    assert (found.from_roster, len(derived.members), saved.outcomes.keys() <= {"refreshed", "deferred"}) == (1, 2, True)
    assert derived.members == group.members
    assert {member.role: member.set_by for member in group.members} == {
        "decision_maker": None,
        "blocker": "me@example.com",
    }
    assert [person.person_id for person in left.people] == ["bo"]


def test_somebody_who_left_is_said_to_have_left(system: System) -> None:
    """Only who is named so; not being named says nothing."""
    with system.consumer_here(refresh_interval_seconds=0.01), context(system, "one") as one:
        save_buyer_group.execute({"company": ACME, "people": [ADA, BO]}, one)
        save_buyer_group.execute({"company": ACME, "people": [{"person_id": "bo", "present": False}]}, one, key="left")
        wait_for("refresh", system.settled)
        found = discover_members.execute({"company_id": "acme"}, one)

    assert [person.person_id for person in found.people] == ["ada"]


def test_without_a_consumer_the_run_fails_and_may_be_tried_again(system: System) -> None:
    """The message says what to look at; what was said is in the log, once it is applied the same call succeeds."""
    given = {"company": ACME, "people": [ADA]}
    with context(system, "r", wait_seconds=5.0) as run, pytest.raises(NotCoveredError, match="0 of 1 changes of acme"):
        save_buyer_group.execute(given, run)
    assert recorded(system) == [("test.save_buyer_group", "failed", 1)]
    with system.consumer_here(), context(system, "r") as run:
        assert save_buyer_group.execute(given, run).outcomes == {"refreshed": 1}
        with pytest.raises(OtherInputError):
            save_buyer_group.execute({"company": ACME, "people": [BO]}, run)
    assert recorded(system) == [("test.save_buyer_group", "succeeded", 2)]


def test_without_a_broker_nothing_is_said_and_the_run_may_be_tried_again(system: System) -> None:
    """It fails in the time that it was given; with a broker the same call succeeds."""
    given = {"company": ACME, "people": [ADA]}
    nowhere = settings(system, kafka_bootstrap_servers="127.0.0.1:1")
    with PipelineContext("test", "r", nowhere, 1.0) as run, pytest.raises(NotCoveredError, match="did not take"):
        save_buyer_group.execute(given, run)
    with system.consumer_here(), context(system, "r") as run:
        assert save_buyer_group.execute(given, run).outcomes == {"refreshed": 1}


def test_a_workspace_that_nobody_made_has_no_groups(system: System) -> None:
    """Told by name, and recorded: it may be made, and the run tried again."""
    given = {"company": ACME, "people": [ADA], "workspace_id": "theirs"}
    with context(system, "r") as run, pytest.raises(UnknownWorkspaceError, match="theirs"):
        derive_buyer_group.execute(given, run)
    assert recorded(system) == [("test.derive_buyer_group", "failed", 1)]


def test_what_a_pipeline_says_of_the_future_is_refused(system: System) -> None:
    """It would win over everything for ever (law L4); nothing of it is said."""
    tomorrow = time.time_ns() // 1_000_000 + 2 * 86_400_000
    given = {"company": ACME, "people": [ADA], "observed_at": tomorrow}

    with context(system, "far") as pipeline, pytest.raises(InvalidInputError, match="more than a day in the future"):
        save_buyer_group.execute(given, pipeline)

    assert not any(system.ends().values())


def test_discovering_records_nothing_of_people_whom_the_pipeline_brings_along(system: System) -> None:
    """They may have opted out, which only saving would notice; called again, the step returns the same."""
    given = {"company_id": "acme", "people": [ADA, BO]}
    with context(system, "r") as run:
        found = [discover_members.execute(given, run) for _ in range(2)]

    assert [person.person_id for person in found[0].people] == ["ada", "bo"]
    assert found[0] == found[1]
    assert recorded(system) == [("test.discover_members", "succeeded", 1)]
    assert system.query("SELECT output ->> 'people' FROM pipeline_operations") == [("[]",)]
