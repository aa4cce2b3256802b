"""When a signal is asked for again."""

import os
import signal
import subprocess
import sys
import time

import pytest

from schemas.signals import Requests
from tests.support.system import ROOT

CONSUMER_LIKE = """
import ctypes, sys
import schemas.signals
from consumers.runtime.stopping import stopped_by_signals
schemas.signals.COPY_SECONDS = float(sys.argv[1])
with stopped_by_signals() as stop:
    print("up", flush=True)
    stop.wait(60)
    print("stopping", flush=True)
    if sys.argv[2:]:  # a call of C that never ends, as Kafka's client makes them: a lock that we have already
        lock, c = ctypes.create_string_buffer(64), ctypes.CDLL(None)
        c.pthread_mutex_lock(lock), c.pthread_mutex_lock(lock)
    sys.stdin.readline()
"""


def test_only_what_comes_later_is_a_request_of_its_own() -> None:
    """Copies come within milliseconds; somebody who waits in vain asks after seconds."""
    times = iter((5.0, 5.01, 6.0, 6.1, 6.2))
    requests = Requests(lambda: next(times))

    said = [requests.insists() for _ in range(5)]

    assert said == [False, False, False, True, True]


@pytest.mark.parametrize("numbers", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)])
def test_a_copy_lets_a_process_stop_in_order(numbers: tuple[int, int]) -> None:
    """A consumer, the relay and the resolver finish what they are at although a group's signal came twice."""
    with _started(copy_seconds=120) as process:
        process.send_signal(numbers[0])
        assert _line(process) == "stopping"
        process.send_signal(numbers[1])
        assert process.communicate(b"\n", timeout=60) == (b"", b"")

    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("at", [(), ("a call that never ends",)])
def test_a_second_request_kills(at: tuple[str, ...], number: int) -> None:
    """Who asks again, does not want to wait: whatever it is at, Kafka's client included."""
    with _started(0, *at) as process:
        process.send_signal(number)
        assert _line(process) == "stopping"
        time.sleep(0.5 if at else 0)  # until it is in that call
        process.send_signal(number)
        try:
            process.wait(10)
        finally:
            process.kill()

    assert process.returncode == -number


def _started(copy_seconds: float, *at: str) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        [sys.executable, "-c", CONSUMER_LIKE, str(copy_seconds), *at],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert _line(process) == "up"
    return process


def _line(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()
