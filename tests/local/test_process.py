"""Child processes: none outlives us, and what a killed run left is ended."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.process import LocalServerError, end_leftover, free_port, is_free, remembered_port, spawn
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


def test_what_a_killed_run_left_is_ended_if_it_is_the_one(tmp_path: Path) -> None:
    """A number alone is no proof: the process may be somebody else's by now."""
    child = spawn("sleep", SLEEP, tmp_path)

    end_leftover(child.pid_file, "another command", 1)
    assert child.popen.poll() is None
    child.pid_file.write_text(str(child.popen.pid))
    end_leftover(child.pid_file, "time.sleep(60)", 5)

    assert child.popen.poll() is not None
    assert not child.pid_file.exists()


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
