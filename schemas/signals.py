"""When a signal is asked for once, and when it is asked for again."""

import time
from collections.abc import Callable
from typing import Final

COPY_SECONDS: Final = 1.0


class Requests:
    """Tells a second request to stop from a copy of the first.

    One request may arrive twice: `timeout`, systemd and `kill -- -GROUP` signal a whole group, and `make` or a
    supervisor in it passes the signal on as well. Nobody who wants an end at once asks twice within a second.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: float | None = None

    def insists(self) -> bool:
        """Note a signal; whether it is a request of its own, after the first and not a copy of it."""
        now = self._clock()
        if self._first is None:
            self._first = now
        return now - self._first > COPY_SECONDS
