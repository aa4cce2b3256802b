"""Several consumer processes as one: stopped together, never half alive."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.supervisor import run_workers, start_worker, worker_environment

WORKER = """
import signal, sys, time
def stop(number, _):
    open(sys.argv[1] + ".stopped", "a").write(f"{number} ")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
open(sys.argv[1], "w").write("up")
time.sleep(float(sys.argv[2]))
sys.exit(int(sys.argv[3]))
"""


def _start(folder: Path, lives: float = 30, code: int = 0) -> Callable[[int], "subprocess.Popen[bytes]"]:
    def start(index: int) -> "subprocess.Popen[bytes]":
        seconds = lives if index == 0 else 30
        return start_worker([sys.executable, "-c", WORKER, str(folder / str(index)), str(seconds), str(code)], {})

    return start


def _once_up(folder: Path, workers: int, then: Callable[[], None]) -> threading.Thread:
    def wait() -> None:
        while not all((folder / str(index)).exists() for index in range(workers)):
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_once(number: int, tmp_path: Path) -> None:
    """Each worker gets the signal one time, and an orderly stop is exit code 0."""
    thread = _once_up(tmp_path, 3, lambda: os.kill(os.getpid(), number))
    code = run_workers(3, _start(tmp_path))
    thread.join()

    assert code == 0
    assert [(tmp_path / f"{index}.stopped").read_text().split() for index in range(3)] == [[str(int(number))]] * 3


def test_a_worker_that_dies_stops_the_others(tmp_path: Path) -> None:
    """The others are asked to stop, and its exit code is handed on."""
    code = run_workers(3, _start(tmp_path, lives=0.7, code=7))

    assert code == 7
    assert (tmp_path / "1.stopped").read_text() == f"{int(signal.SIGTERM)} "


def test_a_worker_that_ends_without_being_asked_is_a_failure(tmp_path: Path) -> None:
    """Even with code 0: a consumer has no reason to end by itself."""
    assert run_workers(2, _start(tmp_path, lives=0.7, code=0)) == 1


def test_a_worker_that_was_killed_is_a_failure(tmp_path: Path) -> None:
    """Death by signal has no code of its own to hand on: it is 1."""
    children: list[subprocess.Popen[bytes]] = []

    def start(index: int) -> "subprocess.Popen[bytes]":
        children.append(_start(tmp_path)(index))
        return children[-1]

    thread = _once_up(tmp_path, 2, lambda: os.kill(children[1].pid, signal.SIGKILL))
    code = run_workers(2, start)
    thread.join()

    assert code == 1
    assert (tmp_path / "0.stopped").exists()


def test_a_worker_that_cannot_start_stops_those_that_did(tmp_path: Path) -> None:
    """Nothing is left running behind a failed start."""

    def start(index: int) -> "subprocess.Popen[bytes]":
        if index == 1:
            while not (tmp_path / "0").exists():
                time.sleep(0.02)
            raise OSError("no more processes")
        return _start(tmp_path)(index)

    assert run_workers(2, start) == 1
    assert (tmp_path / "0.stopped").exists()


def test_each_worker_serves_its_health_on_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports count up from CONSUMER_HTTP_PORT; 0 serves nothing for any of them."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "k:1")

    assert [worker_environment(index, 9100)["CONSUMER_HTTP_PORT"] for index in range(3)] == ["9100", "9101", "9102"]
    assert worker_environment(2, 0)["CONSUMER_HTTP_PORT"] == "0"
    assert worker_environment(0, 0)["KAFKA_BOOTSTRAP_SERVERS"] == "k:1"


def test_a_worker_stops_when_its_supervisor_is_gone() -> None:
    """A killed supervisor leaves no orphan that holds on to partitions."""
    code = textwrap.dedent("""
        import signal, time
        from cli.supervisor import stop_when_orphaned
        signal.signal(signal.SIGTERM, lambda *_: exit(42))
        stop_when_orphaned()
        time.sleep(30)
    """)
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    assert worker.stdin is not None
    worker.stdin.close()

    assert worker.wait(timeout=10) == 42


def test_ports_that_do_not_exist_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last worker's port must be a port."""
    monkeypatch.setenv("CONSUMER_HTTP_PORT", "65534")
    result = CliRunner().invoke(app, ["consumer", "--workers", "3"])

    assert result.exit_code == 2
    assert "CONSUMER_HTTP_PORT leaves no room for 3 ports" in result.stderr


@pytest.mark.parametrize("workers", ["0", "-1", "many", "257"])
def test_a_senseless_number_of_workers_is_a_usage_error(workers: str) -> None:
    """At least one, and not more than a machine can bear."""
    assert CliRunner().invoke(app, ["consumer", "--workers", workers]).exit_code == 2


def test_a_worker_whom_the_signal_meets_early_has_stopped_in_order(tmp_path: Path) -> None:
    """Before it could listen to signals there was nothing to do in order: that is no failure."""

    def start(index: int) -> "subprocess.Popen[bytes]":
        code = f"open({str(tmp_path / str(index))!r}, 'w').write('up'); import time; time.sleep(30)"
        return start_worker([sys.executable, "-c", code], {})

    thread = _once_up(tmp_path, 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    code = run_workers(2, start)
    thread.join()

    assert code == 0


def test_a_signal_to_reload_reaches_every_worker_and_stops_none(tmp_path: Path) -> None:
    """Each gets it once; they end only by the signal that says so."""
    code = (
        "import signal, sys, time\n"
        "def note(*_): open(sys.argv[1] + '.told', 'a').write('x')\n"
        "signal.signal(signal.SIGHUP, note)\n"
        "open(sys.argv[1], 'w').write('up')\n"
        "while True: time.sleep(0.1)\n"
    )

    def reload_then_stop() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        while not all((tmp_path / f"{index}.told").exists() for index in range(2)):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = _once_up(tmp_path, 2, reload_then_stop)
    ended = run_workers(
        2, lambda index: start_worker([sys.executable, "-c", code, str(tmp_path / str(index))], {}), (signal.SIGHUP,)
    )
    thread.join()

    assert ended == 0
    assert [(tmp_path / f"{index}.told").read_text() for index in range(2)] == ["x", "x"]
