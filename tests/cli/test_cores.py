"""How many processes are started when nobody says how many."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import cores, supervisor
from cli.cores import usable_cores
from cli.main import app
from cli.supervisor import supervise


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process may run on eight processors, and is in no container."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("9900000 100000", 8)],
)
def test_a_container_has_what_its_quota_says(limit: str, expected: int, tmp_path: Path) -> None:
    """Part of a core counts as one; a quota above the machine adds nothing."""
    (tmp_path / "cpu.max").write_text(f"{limit}\n")

    assert usable_cores(tmp_path) == expected


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("300000", 3)])
def test_the_older_form_of_quotas_is_read_too(quota: str, expected: int, tmp_path: Path) -> None:
    """Control groups of version 1."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")

    assert usable_cores(tmp_path) == expected


@pytest.mark.parametrize("text", ["", "nonsense", "100000 0"])
def test_limits_that_nobody_understands_limit_nothing(text: str, tmp_path: Path) -> None:
    """Nor do those that are not there."""
    (tmp_path / "cpu.max").write_text(text)

    assert usable_cores(tmp_path) == usable_cores(tmp_path / "none") == 8


@pytest.mark.parametrize(("words", "partitions", "workers"), [([], 12, 8), ([], 3, 3), (["--workers", "5"], 3, 5)])
def test_a_consumer_is_a_process_a_core(
    words: list[str], partitions: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But no more than the topic has partitions, unless one asks for them."""
    started: list[int] = []

    def note(count: int, _: int) -> int:
        started.append(count)
        return 0

    monkeypatch.setattr(supervisor, "supervise", note)
    monkeypatch.setattr(cores, "usable_cores", lambda: 8)
    monkeypatch.setenv("TOPIC_PARTITIONS", str(partitions))

    assert CliRunner().invoke(app, ["consumer", *words]).exit_code == 0
    assert started == [workers]


def test_a_worker_starts_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told that it is one of several."""
    commands: list[list[str]] = []

    def note(_workers: int, start: supervisor.Start, _told: object) -> int:
        start(0)
        return 0

    monkeypatch.setattr(supervisor, "run_workers", note)
    monkeypatch.setattr(supervisor, "start_worker", lambda command, _: commands.append(command))
    supervise(2, 0)

    assert commands[0][-3:] == ["--workers", "1", "--supervised"]
