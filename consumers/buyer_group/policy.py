"""What a workspace may decide about its buyer groups. Plain data, versioned; the default is every workspace's start."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from consumers.buyer_group.model import Function, Role

_SMALL: Final[Mapping[str, int]] = MappingProxyType(
    {Role.DECISION_MAKER: 2, Role.CHAMPION: 2, Role.STAKEHOLDER: 3, Role.BLOCKER: 1, Role.INTRODUCER: 1}
)
_MEDIUM: Final[Mapping[str, int]] = MappingProxyType(
    {Role.DECISION_MAKER: 2, Role.CHAMPION: 3, Role.STAKEHOLDER: 4, Role.BLOCKER: 2, Role.INTRODUCER: 1}
)
_LARGE: Final[Mapping[str, int]] = MappingProxyType(
    {Role.DECISION_MAKER: 3, Role.CHAMPION: 5, Role.STAKEHOLDER: 6, Role.BLOCKER: 3, Role.INTRODUCER: 2}
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a workspace's groups are derived.

    Attributes:
        version: counts from 1; 0 is the built-in default.
        primary: the functions that buy what the workspace sells.
        secondary: functions that have a say.
        blocking: functions that can say no, from manager upwards.
        signs_everything_below: in a company with fewer people than this, its head decides.
        blockers_above: companies of at most so many people have no blockers.
        sizes: (up to so many people, caps a role), ascending; the group sizes of 9, 12 and 19 people are those of the
            original's small, medium and large companies.
    """

    workspace_id: str = "default"
    version: int = 0
    primary: frozenset[str] = frozenset({Function.SALES, Function.MARKETING})
    secondary: frozenset[str] = frozenset(
        {
            Function.EXECUTIVE,
            Function.FINANCE,
            Function.OPERATIONS,
            Function.PRODUCT,
            Function.DATA,
            Function.IT,
            Function.ENGINEERING,
            Function.CUSTOMER_SUCCESS,
        }
    )
    blocking: frozenset[str] = frozenset({Function.PROCUREMENT, Function.LEGAL, Function.SECURITY, Function.IT})
    signs_everything_below: int = 50
    blockers_above: int = 100
    sizes: tuple[tuple[int, Mapping[str, int]], ...] = ((100, _SMALL), (1000, _MEDIUM), (2**63, _LARGE))

    def caps(self, employee_count: int | None) -> Mapping[str, int]:
        """At most so many members a role; a company of unknown size counts as large."""
        largest = self.sizes[-1][1]
        if employee_count is None:
            return largest
        return next((caps for limit, caps in self.sizes if employee_count <= limit), largest)


DEFAULT_POLICY: Final = Policy()
