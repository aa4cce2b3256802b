"""Values: dataclasses that nobody assigns to once they are made.

The type checker holds them to that. At run time nothing does: a frozen dataclass sets each field through
`object.__setattr__`, which makes a value of a dozen fields cost four times as much, and a change is made of several.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from dataclasses import dataclass as value_class
else:

    def value_class(*, frozen: bool, slots: bool) -> Any:
        """`dataclass(frozen=True, slots=True)` without the guard at run time; equal and hashable by its fields."""
        return dataclass(slots=slots, unsafe_hash=frozen)


T = TypeVar("T", bound=tuple[Any, ...])


def maker(kind: type[T]) -> Callable[[Iterable[Any]], T]:
    """What makes values of a `NamedTuple` of all their fields in order, without a call of Python's.

    Neither their number nor their order is looked at: for the busiest places only, where they stand side by side.
    """
    return partial(tuple.__new__, kind)


__all__ = ["maker", "value_class"]
