"""Values: dataclasses that nobody assigns to once they are made.

The type checker holds them to that. At run time nothing does: a frozen dataclass sets each field through
`object.__setattr__`, which makes a value of a dozen fields cost four times as much, and a change is made of several.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as value_class
else:

    def value_class(*, frozen: bool, slots: bool) -> Any:
        """`dataclass(frozen=True, slots=True)` without the guard at run time; equal and hashable by its fields."""
        return dataclass(slots=slots, unsafe_hash=frozen)


__all__ = ["value_class"]
