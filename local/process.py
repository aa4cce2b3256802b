"""Servers as child processes: they die with this process, and what an earlier, killed one left is ended first."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOOPBACK: Final = "127.0.0.1"
LAST_LINES: Final = 15
START_TOLERANCE_SECONDS: Final = 2.0
"""Start times are counted from the time of the boot, which moves with every correction of the clock."""
_PR_SET_PDEATHSIG: Final = 1


class LocalServerError(RuntimeError):
    """A server of the local stack does not start; the message says what was seen and what to do."""


@dataclass(slots=True)
class Child:
    """A running server.

    Attributes:
        log: where its output goes.
        pid_file: names the process for the next start, should this process be killed.
    """

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    pid_file: Path

    def stop(self, number: int, seconds: float) -> None:
        """Ask it to stop by signal; kill it when it has not after `seconds`."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self.pid_file.unlink(missing_ok=True)

    def wait_until(self, answers: Callable[[], bool], seconds: float) -> None:
        """Wait until it answers.

        Raises:
            LocalServerError: it ended, or does not answer in time; with the last lines of its log.
        """
        deadline = time.monotonic() + seconds
        while not answers():
            if (code := self.popen.poll()) is not None:
                raise LocalServerError(f"{self.name} ended with code {code} while starting.\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise LocalServerError(f"{self.name} does not answer after {seconds:.0f} s.\n{self.last_lines()}")
            time.sleep(0.02)

    def last_lines(self) -> str:
        """The end of its log, and where the rest is."""
        return last_lines(self.log)


def last_lines(log: Path) -> str:
    """The end of a log file, and where the rest is."""
    lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:] if log.exists() else []
    return "\n".join([f"The last lines of {log}:", *(f"  {line}" for line in lines or ["(it is empty)"])])


def spawn(
    name: str,
    command: Sequence[str],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    user: int | None = None,
    cwd: Path | None = None,
    death_signal: int = signal.SIGKILL,
) -> Child:
    """Start a server whose log and pid file are in `folder`.

    It gets `death_signal` when this thread ends (Linux), so call this from the main thread. It is in a process group of
    its own: Ctrl-C reaches only us, and we stop the servers in order.
    """
    log, pid_file = folder / f"{name}.log", folder / f"{name}.pid"
    with log.open("wb") as out:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
            cwd=cwd,
            process_group=0,
            preexec_fn=_dies_with_us(death_signal),  # noqa: PLW1509  # one system call, no locks
        )
    remember(pid_file, popen.pid, command)
    return Child(name, popen, log, pid_file)


def remember(pid_file: Path, pid: int, command: Sequence[str]) -> None:
    """Note which process was started, for `end_leftover` of a later run."""
    facts = {
        "pid": pid,
        "started": psutil.Process(pid).create_time(),
        "arguments": list(command[1:]),
        "folder": str(pid_file.parent.resolve()),
    }
    pid_file.write_text(json.dumps(facts))


def end_leftover(pid_file: Path, seconds: float = 10.0) -> None:
    """End the server that a killed process left behind, if it is still the one."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, psutil.Error):
        process = _left_over(pid_file)
        if process is not None:
            process.terminate()
            try:
                process.wait(seconds)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(seconds)
    pid_file.unlink(missing_ok=True)


def _left_over(pid_file: Path) -> psutil.Process | None:
    """The process that a pid file names, unless its number is somebody else's by now, or the file a copy.

    A pid is given again after a reboot, so start time and arguments must be the same; and whoever copies the data of a
    running system copies pid files, whose processes belong to the other folder.
    """
    facts = json.loads(pid_file.read_text())
    process = psutil.Process(int(facts["pid"]))
    arguments = facts["arguments"]
    ours = facts["folder"] == str(pid_file.parent.resolve())
    at_its_time = abs(process.create_time() - facts["started"]) < START_TOLERANCE_SECONDS
    its_words = process.cmdline()[-len(arguments) :] == arguments  # a script as program adds words before them
    return process if ours and at_its_time and its_words else None


def await_end(pid: int, name: str, seconds: float = 10.0) -> None:
    """Wait until a killed process is gone: until somebody has reaped it, it still counts as running for others."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or process.name() == name:
            process.wait(seconds)


def remembered_port(file: Path) -> int:
    """The port in a file if it is free, else another free one, remembered there."""
    with contextlib.suppress(OSError, ValueError):
        port = int(file.read_text())
        if is_free(port):
            return port
    port = free_port()
    file.write_text(str(port))
    return port


def free_port() -> int:
    """A port of the loopback interface on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _dies_with_us(number: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def set_death_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # we died before the child could ask
            os._exit(1)

    return set_death_signal
