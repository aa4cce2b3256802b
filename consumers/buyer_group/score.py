"""How much a person weighs in a purchase: the original's four parts, 100 in all."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from consumers.buyer_group.model import RANK, Employee
from consumers.buyer_group.policy import PRIMARY, SECONDARY
from consumers.buyer_group.titles import TitleReading

_LEVEL: Final[Mapping[str, int]] = {level: 20 - 2 * rank for level, rank in RANK.items()}
_DEPARTMENT: Final[Mapping[str | None, int]] = {PRIMARY: 30, SECONDARY: 15, None: 8}
_NAMED, _READ, _DOUBTED, _HALF_READ = 40, 36, 32, 20
_LESSENED: Final = frozenset({"interim", "acting", "deputy"})
_A_WAY_IN: Final = 5


class Score(NamedTuple):
    """The parts of a person's weight.

    Attributes:
        title: up to 40: a title that the policy names, else how well it is read.
        department: 30 of a primary one, 15 of a secondary one, else 8.
        seniority: 20 of an owner, two less a level.
        network: 5 for a profile, 5 for an address: ways to reach the person.
    """

    title: int
    department: int
    seniority: int
    network: int

    @property
    def total(self) -> int:
        """0 to 100."""
        return sum(self)


def score(employee: Employee, reading: TitleReading, standing: str | None, named: bool) -> Score:
    """A person's weight.

    Args:
        employee: the person.
        reading: what the title says.
        standing: `PRIMARY`, `SECONDARY` or None, as the policy has the department.
        named: whether the policy names the title itself.
    """
    level = _LEVEL[reading.seniority] if reading.seniority else 0
    return Score(_title(reading, named), _DEPARTMENT[standing], level, network(employee.email, employee.linkedin_url))


def network(email: str | None, linkedin_url: str | None) -> int:
    """What the ways to reach a person weigh, all that in a weight depends on more than the title."""
    return (bool(linkedin_url) + bool(email)) * _A_WAY_IN


def _title(reading: TitleReading, named: bool) -> int:
    if named:
        return _NAMED
    if reading.seniority is None or reading.function is None:
        return _HALF_READ
    return _DOUBTED if reading.presumed or not _LESSENED.isdisjoint(reading.flags) else _READ
