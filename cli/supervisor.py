"""Runs several processes as one: started together, stopped together, none of them missed when it dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

import structlog

log = structlog.get_logger()

MAX_PORT: Final = 65535
LOOK_SECONDS: Final = 0.1
STOP_SECONDS: Final = 60.0
"""After one worker died the others get so long to finish what they are at; longer than a consumer's drain."""

_STOP: Final = (signal.SIGINT, signal.SIGTERM)
_ORDERLY: Final = (0, -signal.SIGTERM, -signal.SIGINT)
"""Also the end of a worker whom the signal met before it could do anything that would need an orderly stop."""

Start = Callable[[int], "subprocess.Popen[bytes]"]


def supervise(workers: int, http_port: int) -> int:
    """Run consumers until they are told to stop, or one dies.

    Args:
        workers: how many.
        http_port: worker 0's health port, the next ones count up; 0 serves nothing.

    Returns:
        0 after an orderly stop; the code of the worker that died, 1 if it had none.
    """
    return _supervised("consumer", workers, "CONSUMER_HTTP_PORT", http_port)


def supervise_ingress(workers: int, metrics_port: int) -> int:
    """Run ingress processes that share a port, until they are told to stop, or one dies; SIGHUP is passed on.

    Args:
        workers: how many.
        metrics_port: worker 0's, the next ones count up; 0 serves nothing.

    Returns:
        0 after an orderly stop; the code of the worker that died, 1 if it had none.
    """
    return _supervised("ingress", workers, "INGRESS_METRICS_PORT", metrics_port, (signal.SIGHUP,))


def run_workers(workers: int, start: Start, told: Sequence[int] = ()) -> int:
    """Start the workers and stay until all have ended.

    Args:
        workers: how many.
        start: starts the worker with this number, from 0.
        told: signals that workers get besides those that stop them.
    """
    signals: deque[int] = deque()
    with _collecting(signals, (*_STOP, *told)):
        crew = _Crew(signals)
        try:
            for index in range(workers):
                crew.children.append(start(index))
        except OSError as error:
            crew.give_up("a worker cannot be started; the others stop", 1, why=str(error))
        return crew.run()


def start_worker(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start one worker in a process group of its own.

    A terminal's Ctrl-C thus reaches only the supervisor, which passes it on once: a consumer that got it twice would
    take the second for "now".
    """
    return subprocess.Popen(command, env=dict(environment), stdin=subprocess.PIPE, process_group=0)


def worker_environment(index: int, first_port: int, variable: str = "CONSUMER_HTTP_PORT") -> dict[str, str]:
    """The environment of one worker, with a port of its own in this variable."""
    return {**os.environ, variable: str(first_port + index if first_port else 0)}


def stop_when_orphaned() -> None:
    """Ask this process to stop when the supervisor is gone: its end of our standard input closes with it."""

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="orphan-watch", daemon=True).start()


def _supervised(what: str, workers: int, variable: str, first_port: int, told: Sequence[int] = ()) -> int:
    command = [sys.executable, "-m", "cli", what, "--workers", "1", "--supervised"]
    return run_workers(
        workers, lambda index: start_worker(command, worker_environment(index, first_port, variable)), told
    )


class _Crew:
    """The workers that run, and why they are to stop.

    Args:
        signals: those that came and are not yet passed on.
    """

    def __init__(self, signals: deque[int]) -> None:
        self.children: list[subprocess.Popen[bytes]] = []
        self._signals = signals
        self._asked = False
        self._code = 0
        self._deadline: float | None = None

    def run(self) -> int:
        """Stay until all have ended, and return the exit code."""
        while True:
            while self._signals:
                number = self._signals.popleft()
                self._asked = self._asked or number in _STOP
                self._send(number)
            ended = [index for index, child in enumerate(self.children) if child.poll() is not None]
            if ended and not self._asked and self._deadline is None:
                code = self.children[ended[0]].returncode
                self.give_up("a worker died; the others stop", max(code, 1), worker=ended[0], exit_code=code)
            if len(ended) == len(self.children):
                return self._close()
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._send(signal.SIGKILL)
            time.sleep(LOOK_SECONDS)

    def give_up(self, event: str, code: int, **facts: object) -> None:
        """Stop all: an end that nobody asked for is a failure, whatever the worker's own code says."""
        log.error(event, **facts)
        self._code = code
        self._deadline = time.monotonic() + STOP_SECONDS
        self._send(signal.SIGTERM)

    def _send(self, number: int) -> None:
        for child in self.children:
            child.send_signal(number)

    def _close(self) -> int:
        for child in self.children:
            if child.stdin is not None:
                child.stdin.close()
        return self._code or int(any(child.returncode not in _ORDERLY for child in self.children))


@contextmanager
def _collecting(signals: deque[int], numbers: Sequence[int]) -> Iterator[None]:
    """Note these signals, each time one comes, instead of ending by it."""

    def on_signal(number: int, _: FrameType | None) -> None:
        signals.append(number)

    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
