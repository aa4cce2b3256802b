"""Signals that ask a process to stop."""

import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from schemas.signals import Requests

_STOP: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first SIGINT or SIGTERM sets; a second one kills, unless it is a copy of the first.

    A thread hears of them: Python runs handlers in the main thread only, which may be in a long call of Kafka's client.
    """
    stop = threading.Event()

    def on_signal(_: int, __: FrameType | None) -> None:
        stop.set()

    heard, told = os.pipe()
    os.set_blocking(told, False)
    threading.Thread(target=_listen, args=(heard, Requests()), name="signals", daemon=True).start()
    written_before = signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    before = {number: signal.signal(number, on_signal) for number in _STOP}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(written_before)
        os.close(told)


def _listen(heard: int, requests: Requests) -> None:
    """Kill by the signal that insists on it; ends when nobody can write any more."""
    while numbers := os.read(heard, 1):
        if numbers[0] in _STOP and requests.insists():
            _die_of(numbers[0])
    os.close(heard)


def _die_of(number: int) -> None:
    """As if nobody handled it; Python lets only the main thread say so, C lets any."""
    default_action = ctypes.c_void_p(signal.SIG_DFL.value)
    c = ctypes.CDLL(None).signal
    c.argtypes, c.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    c(number, default_action)
    os.kill(os.getpid(), number)
