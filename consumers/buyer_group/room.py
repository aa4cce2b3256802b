"""Room for what is remembered of titles: caches bounded by number alone would hold gigabytes of titles of 4 KiB.

The texts that come new are counted where one is not known yet, so what is known costs nothing. Once they are too long
in all, everything is forgotten; then it is learnt again.
"""

from collections.abc import Callable
from typing import Final

CHARACTERS: Final = 16 << 20
"""Twice what a hundred thousand people say of their work, as titles are."""
_forget: Final[list[Callable[[], None]]] = []
_taken: int = 0


def shares_room(forget: Callable[[], None]) -> None:
    """Have a cache emptied with all others; `forget` is its `cache_clear`."""
    _forget.append(forget)


def take_room(*texts: str | None) -> None:
    """Count texts that are about to be remembered, and first forget all others if it gets too much."""
    global _taken  # noqa: PLW0603  # of the process, as the caches are; a count that two threads change at once may be a little off
    _taken += sum(len(text) for text in texts if text is not None)
    if _taken > CHARACTERS:
        _taken = 0
        for forget in _forget:
            forget()
