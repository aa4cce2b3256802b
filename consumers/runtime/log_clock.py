"""What time it is in the log: the broker's time as it was last told, and what our monotonic clock has counted since."""

import time
from collections.abc import Callable
from typing import Final

TRUSTED_SECONDS: Final = 3600.0
"""So long the monotonic clock counts on alone; the worst quartz is then half a second off."""
SLEPT_SECONDS: Final = 1.0
"""Our two clocks part by so much only when the machine slept, or somebody set the wall clock."""


class LogClock:
    """The broker's clock, seen from here. Whether our own wall clock is right is of no weight.

    It is late by the way of the answer that told it, never early as long as the broker's clock does not go back.

    Args:
        wall: any clock that people set, ns; only how it moves against the monotonic one counts.
        monotonic: seconds.
    """

    def __init__(self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._told: tuple[int, float, float] | None = None

    def tell(self, log_time: int) -> None:
        """The broker has just stamped a record with this time, ms."""
        self._told = (log_time, self._monotonic(), self._apart())

    def now(self) -> int | None:
        """Log time, ms; None when nobody has told it, or too much may have happened since."""
        if self._told is None:
            return None
        log_time, at, apart = self._told
        passed = self._monotonic() - at
        if passed > TRUSTED_SECONDS or abs(self._apart() - apart) > SLEPT_SECONDS:
            return None
        return log_time + int(passed * 1000)

    def _apart(self) -> float:
        return self._wall() / 1e9 - self._monotonic()
