"""When dead letters stop the consumer: too many in a row, or too great a share of the last records."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

WINDOW: Final = 1000
"""The share is that of the last so many records; before there are so many, only those in a row count."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """What the last records came to; a new value after each batch, so that a batch that is tried again counts once.

    Attributes:
        run_limit: so many dead letters in a row are too many when one more comes.
        ratio_limit: of the last `WINDOW` records, a greater share than this is too high; 1 allows any.
    """

    run_limit: int
    ratio_limit: float
    in_a_row: int = 0
    recent: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def after(self, letters: Iterable[bool]) -> tuple["Breaker", str | None]:
        """These limits after more records.

        Args:
            letters: for each record in order, whether it became a dead letter.

        Returns:
            The breaker, and why the consumer must stop, if it must: what is too many, and which setting says so.
        """
        in_a_row, recent, why = self.in_a_row, self.recent.copy(), None
        share = sum(recent)
        for letter in letters:
            share += letter - (recent[0] if len(recent) == WINDOW else 0)
            recent.append(letter)
            in_a_row = in_a_row + 1 if letter else 0
            why = why or self._why(in_a_row, share if len(recent) == WINDOW else 0)
        return replace(self, in_a_row=in_a_row, recent=recent), why

    def after_good(self, count: int) -> "Breaker":
        """These limits after so many records of which none became a dead letter: nearly every batch."""
        recent = self.recent.copy()
        recent.extend([False] * min(count, WINDOW))
        return replace(self, in_a_row=0 if count else self.in_a_row, recent=recent)

    def _why(self, in_a_row: int, share: int) -> str | None:
        if in_a_row > self.run_limit:
            return f"{in_a_row} records in a row could not be applied (DEAD_LETTER_RUN_LIMIT is {self.run_limit})"
        if share > self.ratio_limit * WINDOW:
            limit = f"DEAD_LETTER_RATIO_LIMIT is {self.ratio_limit:g}"
            return f"{share} of the last {WINDOW} records could not be applied ({limit})"
        return None


class Judge:
    """The limits of a process, for lanes that commit side by side: a log of rubbish is told as soon as by one lane.

    A batch is judged by what was committed before it; so at most one batch a lane is written beyond the limit.
    """

    def __init__(self, run_limit: int, ratio_limit: float) -> None:
        self._breaker = Breaker(run_limit, ratio_limit)
        self._lock = threading.Lock()

    def why_not(self, letters: Sequence[bool]) -> str | None:
        """Why the consumer must stop instead of committing these records, if it must."""
        with self._lock:
            return self._breaker.after(letters)[1] if any(letters) else None

    def committed(self, letters: Sequence[bool]) -> None:
        """Count a batch that was."""
        with self._lock:
            if any(letters):
                self._breaker, _ = self._breaker.after(letters)
            else:
                self._breaker = self._breaker.after_good(len(letters))
