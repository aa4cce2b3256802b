"""How many requests somebody may send: a token bucket a name.

Each process has its own buckets: with several workers, the limit of all of them is so many times as high.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Final

from ingress.problems import Problem

BURST_SECONDS: Final = 2.0
"""A bucket holds what flows in so long: a burst of that size is no reason to refuse anybody."""


class Rates:
    """Buckets of one kind of callers, whose number must be bounded: configured sources, valid tokens.

    Args:
        per_second: how many requests flow in; 0 limits nothing.
        clock: seconds, monotonic.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._clock = per_second, clock
        self._size = max(1.0, per_second * BURST_SECONDS)
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """One request.

        Raises:
            Problem: too many; it says how long to wait.
        """
        if not self._per_second:
            return
        now = self._clock()
        left, since = self._buckets.get(name, (self._size, now))
        left = min(self._size, left + (now - since) * self._per_second)
        if left < 1:
            self._buckets[name] = (left, now)
            wait = ceil((1 - left) / self._per_second)
            raise Problem(
                "rate",
                f"more than {self._per_second:g} requests a second; send it again in {wait} s",
                {"retry-after": str(wait)},
            )
        self._buckets[name] = (left - 1, now)
