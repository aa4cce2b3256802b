"""When a lane prunes the inbox: by its clock and by what the last statement found. Pure, no I/O.

A lane without records prunes whenever a statement is due. One that is never without them prunes all the same, before it
takes more: rows come as fast as records, so one statement in a while would never catch up. Once it is late it goes on,
a statement now and then among its batches, until nothing is left.
"""

import math
from dataclasses import dataclass
from typing import Final

PRUNE_ROWS: Final = 2000
"""Of one statement, which takes some 10 ms: for so long no record of the lane is worked on."""
PRUNE_EVERY_S: Final = 60.0
PRUNE_PAUSE_S: Final = 0.5
"""While there is more."""
PRUNE_REST: Final = 9
"""A pause is so many times what the statement took: a slow database prunes for a tenth of a lane's time at most."""
PRUNE_LATEST_S: Final = 600.0
"""Whatever else is to do: nothing may have been left to prune so long ago, at the latest."""


@dataclass(slots=True)
class Pruning:
    """One lane's pruning; times in seconds of a monotonic clock.

    Attributes:
        due_at: when the next statement may start.
        done_at: when last nothing was left that is too old; never, as far as this process knows, at the start.
    """

    due_at: float = -math.inf
    done_at: float = -math.inf
    _started_at: float = 0.0

    def due(self, now: float, *, idle: bool) -> bool:
        """Whether to prune now.

        Args:
            now: the time.
            idle: no record waits; if one does, only what is late goes first.
        """
        return now >= self.due_at and (idle or now - self.done_at >= PRUNE_LATEST_S)

    def start(self, now: float) -> None:
        """A statement starts."""
        self._started_at = now

    def end(self, now: float, *, more: bool) -> None:
        """It has ended, and left some of what is too old, or nothing."""
        rest = min(PRUNE_EVERY_S, max(PRUNE_PAUSE_S, PRUNE_REST * (now - self._started_at)))
        self.due_at = now + (rest if more else PRUNE_EVERY_S)
        if not more:
            self.done_at = now
