"""Child processes: none outlives us, and what a killed run left is ended."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.process import LocalServerError, end_leftover, free_port, is_free, remember, remembered_port, spawn
from local.up import await_ready
from tests.support.system import ROOT, wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN_SCRIPT = "import signal, time; signal.signal(15, lambda *_: None); print(1, flush=True); time.sleep(60)"
STUBBORN = [sys.executable, "-c", STUBBORN_SCRIPT]


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """Even when the parent has no chance to do anything about it."""
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom local.process import spawn\n"
        f"child = spawn('sleep', {SLEEP!r}, Path({str(tmp_path)!r}))\n"
        "print(child.popen.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()

    assert psutil.wait_procs([child], 5)[1] == []


def test_what_a_killed_run_left_is_ended(tmp_path: Path) -> None:
    """It would hold on to ports and data."""
    child = spawn("sleep", SLEEP, tmp_path)

    end_leftover(child.pid_file, 5)

    assert child.popen.poll() is not None
    assert not child.pid_file.exists()


@pytest.mark.parametrize("other", [{"started": 0.0}, {"arguments": ["-m", "cli", "consumer"]}, {"pid": os.getpid()}])
def test_somebody_else_s_process_is_left_alone(tmp_path: Path, other: dict[str, object]) -> None:
    """A number alone is no proof: after a reboot it may be anybody's."""
    child = spawn("sleep", SLEEP, tmp_path)
    try:
        child.pid_file.write_text(json.dumps(json.loads(child.pid_file.read_text()) | other))
        end_leftover(child.pid_file, 5)
        assert child.popen.poll() is None
        assert not child.pid_file.exists()
    finally:
        child.stop(signal.SIGKILL, 5)


def test_a_program_whose_words_only_hold_ours_is_left_alone(tmp_path: Path) -> None:
    """A client of something is not our command line, although "client" holds "cli"."""
    other = spawn("other", [*SLEEP, "my-client"], tmp_path)
    pid_file = tmp_path / "consumer.pid"
    try:
        remember(pid_file, other.popen.pid, [sys.executable, "-m", "cli"])
        end_leftover(pid_file, 5)
        assert other.popen.poll() is None
    finally:
        other.stop(signal.SIGKILL, 5)


def test_the_processes_of_a_folder_that_was_copied_run_on(tmp_path: Path) -> None:
    """Whoever copies the data of a running system copies its pid files."""
    child = spawn("sleep", SLEEP, tmp_path)
    try:
        copy = tmp_path / "copy" / child.pid_file.name
        copy.parent.mkdir()
        copy.write_bytes(child.pid_file.read_bytes())
        end_leftover(copy, 5)
        assert child.popen.poll() is None
        assert not copy.exists()
    finally:
        child.stop(signal.SIGKILL, 5)


@pytest.mark.parametrize("text", ["", "4711", "{}", "[]", '{"pid": 1}'])
def test_a_pid_file_that_names_nobody_is_forgotten(tmp_path: Path, text: str) -> None:
    """A disk that was full leaves a half of it, an older version a number."""
    file = tmp_path / "consumer.pid"
    file.write_text(text)

    end_leftover(file, 5)

    assert not file.exists()


def test_a_child_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """The time that a stop may take is bounded."""
    child = spawn("stubborn", STUBBORN, tmp_path)
    wait_for("start", child.log.read_text)

    child.stop(signal.SIGTERM, 0.2)

    assert child.popen.returncode == -signal.SIGKILL


def test_a_child_that_ends_while_starting_is_told_with_its_last_words(tmp_path: Path) -> None:
    """Not only that, but why, and where the rest is."""
    child = spawn("broken", [sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], tmp_path)

    with pytest.raises(LocalServerError, match="broken ended with code 3") as caught:
        child.wait_until(lambda: False, 20)

    assert "the reason" in str(caught.value)
    assert str(child.log) in str(caught.value)


def test_a_port_is_kept_while_it_is_free(tmp_path: Path) -> None:
    """The same address after a restart, another one when somebody has taken it."""
    file = tmp_path / "port"
    port = remembered_port(file)
    assert remembered_port(file) == port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not is_free(port)
        assert remembered_port(file) != port


def test_a_free_port_can_be_taken() -> None:
    """Nobody listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_nobody_waits_for_a_child_that_is_not_wanted_any_more(tmp_path: Path) -> None:
    """Ctrl-C while things start is heard at once, not when the patience is over."""
    child = spawn("sleep", SLEEP, tmp_path)

    def stopped() -> None:
        raise InterruptedError

    try:
        with pytest.raises(InterruptedError):
            await_ready(child, free_port(), stopped)
    finally:
        child.stop(signal.SIGKILL, 5)
