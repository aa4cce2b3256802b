"""How complete a group is: whether the roles that a workspace wants filled are filled."""

from collections.abc import Sequence
from typing import NamedTuple

from consumers.buyer_group.model import Member
from consumers.buyer_group.policy import Policy


class Filled(NamedTuple):
    """A required role, how many people it has, and how many it needs."""

    role: str
    assigned: int
    required: int


class Completeness(NamedTuple):
    """How complete a group is.

    Attributes:
        percent: the mean of the roles' percentages, rounded down; 100 is complete, and is so if nothing is required.
        roles: in the policy's order.
    """

    percent: int
    roles: tuple[Filled, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The roles that need more people."""
        return tuple(role.role for role in self.roles if role.assigned < role.required)


def completeness(members: Sequence[Member], policy: Policy) -> Completeness:
    """How complete a group is; a person counts once in each role that they have.

    Args:
        members: the group.
        policy: says what is required, by one of the five roles or an own one.
    """
    roles = tuple(Filled(want.role, _assigned(members, want.role), want.members) for want in policy.required)
    if not roles:
        return Completeness(100, ())
    shares = [min(role.assigned, role.required) * 100 / role.required for role in roles]
    return Completeness(int(sum(shares) / len(shares)), roles)


def _assigned(members: Sequence[Member], role: str) -> int:
    return len({member.person_id for member in members if role in (member.role, member.own_role)})
