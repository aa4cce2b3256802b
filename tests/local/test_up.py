"""`person-changes up`, which is what `make run` runs: a newcomer's first minutes, and what may go wrong in them."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.process import free_port
from local.secrets import read_env_file
from tests.support.system import ROOT, wait_for

pytestmark = pytest.mark.slow

NAMES = {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "WEBHOOK_SECRET", "API_TOKEN", "OPT_OUT_KEY", "INGRESS_URL"}
STOP_SECONDS = 10
"""The promise of the README; not a matter of speed."""
Start = Callable[..., "Run"]


class Run:
    """One `person-changes up`, with what it printed."""

    def __init__(self, data_dir: Path, port: int, log: Path, **environment: str) -> None:
        self.data_dir, self.port, self.log = data_dir, port, log
        settings = {k: v for k, v in os.environ.items() if k not in NAMES} | {"PYTHONPATH": str(ROOT)} | environment
        words = [sys.executable, "-m", "cli", "up", "--data-dir", str(data_dir), "--port", str(port)]
        with log.open("w") as out:
            self.process = psutil.Popen(words, env=settings, cwd=log.parent, stdout=out, stderr=subprocess.STDOUT)

    def text(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    def ready(self) -> "Run":
        """Wait until it says that it is up."""
        wait_for("welcome", lambda: "is up after" in self.text() or self.process.poll() is not None, 300)
        assert "is up after" in self.text(), self.text()
        return self

    def curl(self) -> str:
        """The answer to the command that it printed, pasted into a shell."""
        command = re.search(r"^curl.*?^  \}'$", self.text(), re.DOTALL | re.MULTILINE)
        assert command is not None
        return subprocess.run(["bash", "-c", command[0]], capture_output=True, text=True, check=True).stdout

    def group(self) -> str:
        """The example's group, by the second command that it printed."""
        return self.command("group", "show", "company_456")

    def waiting(self) -> int:
        """How many updates nobody was told of yet."""
        return int(json.loads(self.command("status", "--json"))["outbox"]["waiting"])

    def command(self, *arguments: str) -> str:
        """What a command prints in the folder of the run."""
        words = [sys.executable, "-m", "cli", *arguments]
        settings = os.environ | {"PYTHONPATH": str(ROOT), "DATA_DIR": str(self.data_dir)}
        return subprocess.run(
            words, env=settings, cwd=self.log.parent, capture_output=True, text=True, check=False
        ).stdout

    def stop(self, number: int, times: int = 1) -> int:
        """Ask it to stop; returns the exit code. Nothing that it started is left.

        Args:
            number: the signal.
            times: how many copies of it come, 10 ms apart.
        """
        everything = self.process.children(recursive=True)
        began = time.monotonic()
        for _ in range(times):
            self.process.send_signal(number)
            time.sleep(0.01)
        code = int(self.process.wait(60))
        assert time.monotonic() - began < STOP_SECONDS
        assert psutil.wait_procs(everything, 2)[1] == []
        return code

    def kill(self) -> None:
        """All of it at once, as a power cut would."""
        everything = [self.process, *self.process.children(recursive=True)]
        for process in everything:
            process.kill()
        psutil.wait_procs(everything, 20)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start runs that end with the test."""
    runs: list[Run] = []

    def run(name: str = "data", port: int | None = None, **environment: str) -> Run:
        log = tmp_path / f"run-{len(runs)}.log"
        runs.append(Run(tmp_path / name, port or free_port(), log, **environment))
        return runs[-1]

    yield run
    for run_ in runs:
        if run_.process.is_running():
            run_.kill()


def test_a_run_serves_stops_and_remembers(start: Start) -> None:
    """First start, the pasted curl, Ctrl-C, a second start with the data of the first, also after kill -9 of all."""
    first = start().ready()
    assert "202 Accepted" in first.curl()
    wait_for("buyer group", lambda: "John Doe" in first.group())
    wait_for("update that is published", lambda: first.waiting() == 0)
    env = first.data_dir / "env"
    assert set(read_env_file(env)) == NAMES
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "already_processed" in first.curl()
    assert first.stop(signal.SIGINT) == 0
    assert not env.exists()

    second = start(port=first.port).ready()
    assert "John Doe" in second.group()
    assert "already_processed" in second.curl()
    second.kill()

    third = start(port=first.port).ready()
    assert "John Doe" in third.group()
    assert third.stop(signal.SIGTERM, times=2) == 0  # make passes on what its group got as well
    assert third.text().count("Stopping") == 1
    assert not env.exists()
    assert list(third.data_dir.rglob("*.pid")) == []


def test_copies_run_side_by_side_and_say_what_is_taken(start: Start) -> None:
    """Two folders and two ports are two systems; a port or a folder that is in use is told, with the way out."""
    one, two = start("one"), start("two")
    one.ready()
    two.ready()
    assert "202 Accepted" in one.curl()
    assert "202 Accepted" in two.curl()

    same_port, same_folder = start("three", port=one.port), start("one")
    assert (same_port.process.wait(60), same_folder.process.wait(60)) == (1, 1)
    assert f"Port {one.port} is taken. Choose another: make run PORT={one.port + 1}" in same_port.text()
    assert "make run DATA_DIR=.local2 PORT=8001" in same_folder.text()
    assert (one.stop(signal.SIGTERM), two.stop(signal.SIGTERM)) == (0, 0)


@pytest.mark.parametrize("folder", ["file/data", "data"])
def test_a_folder_that_cannot_be_used_is_told(start: Start, tmp_path: Path, folder: str) -> None:
    """Which one, why, and how to name another; no trace."""
    (tmp_path / "file").touch()
    (tmp_path / "data" / "lock").mkdir(parents=True)  # cannot be opened for writing, not even by root

    run = start(folder)

    assert run.process.wait(60) == 1
    assert f"The data folder {tmp_path / folder} cannot be used" in run.text()
    assert "make run DATA_DIR=" in run.text()
    assert "Traceback" not in run.text()


def test_a_download_that_hangs_is_left_by_a_signal(start: Start, tmp_path: Path) -> None:
    """Who cannot wait for it must not wait for its end: nothing runs yet that would have to stop in order."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy)
        run = start(**proxies, NO_PROXY="", no_proxy="", PERSON_CHANGES_CACHE=str(tmp_path / "cache"))
        with silent.accept()[0]:  # it has asked
            assert run.stop(signal.SIGTERM) == 0

    assert "what has arrived is kept" in run.text()
    assert not (run.data_dir / "kafka").exists()


def test_servers_from_outside_win(
    start: Start, kafka_bootstrap: str, database_url: str, make_topic: Callable[..., str]
) -> None:
    """With both addresses set nothing embedded starts, and the data is there, not here."""
    run = start(
        KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
        DATABASE_URL=database_url,
        PERSON_CHANGES_TOPIC=(topic := make_topic()),
        BUYER_GROUP_UPDATES_TOPIC=f"{topic}-updates",
        PERSON_HINTS_TOPIC=f"{topic}-hints",
        CONSUMER_GROUP=topic,
        RESOLVER_GROUP=f"{topic}-resolver",
    ).ready()

    assert "202 Accepted" in run.curl()
    wait_for("buyer group", lambda: "John Doe" in run.group())
    assert not (run.data_dir / "kafka").exists()
    assert not (run.data_dir / "postgres").exists()
    assert run.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("name", ["consumer", "resolver"])
def test_a_consumer_that_dies_ends_the_run_with_its_last_words(
    start: Start, kafka_bootstrap: str, database_url: str, make_topic: Callable[..., str], name: str
) -> None:
    """Half a system is worse than none: what is left stops, and the message names the log."""
    run = start(
        KAFKA_BOOTSTRAP_SERVERS=kafka_bootstrap,
        DATABASE_URL=database_url,
        PERSON_CHANGES_TOPIC=(topic := make_topic()),
        BUYER_GROUP_UPDATES_TOPIC=f"{topic}-updates",
        PERSON_HINTS_TOPIC=f"{topic}-hints",
        CONSUMER_GROUP=topic,
        RESOLVER_GROUP=f"{topic}-resolver",
    ).ready()
    (child,) = [child for child in run.process.children() if name in child.cmdline()]

    child.kill()

    assert run.process.wait(30) == 1
    assert f"{name} ended by itself with code -9" in run.text()
    assert str(run.data_dir / "logs" / f"{name}.log") in run.text()


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_server_that_dies_ends_the_run_with_its_last_words(start: Start, name: str) -> None:
    """Nobody waits for a broker that nobody starts again; the next run has its data."""
    run = start().ready()
    pid = json.loads((run.data_dir / name / f"{name}.pid").read_text())["pid"]

    psutil.Process(pid).kill()

    assert run.process.wait(60) == 1
    assert f"{name} ended by itself with code -9" in run.text()
    assert str(run.data_dir / name / f"{name}.log") in run.text()
    again = start(port=run.port).ready()
    assert again.stop(signal.SIGTERM) == 0
