"""How many people a group has, and who may sign, by the size of the company: 21 tiers.

The original sized its groups by such a table. Known of it are the names, the totals (1 to 9 people in small companies,
8 to 12 in medium, 12 to 19 in large ones), the group of L1, one decision maker where one person works, and who may sign
in S3 and L1; the rest is interpolated (docs/workspaces.md).
"""

from typing import Final, NamedTuple

UNLIMITED: Final = 2**63


class Tier(NamedTuple):
    """Companies of a size.

    Attributes:
        up_to: employees, inclusive.
        decision_maker: at most so many; the same for the other roles.
        vp_signs: the largest deal that a vice president may decide; a chief officer or owner may decide any.
        director_signs: the same for a head or director.
        manager_signs: the same for a manager.
    """

    name: str
    up_to: int
    decision_maker: int
    champion: int
    stakeholder: int
    blocker: int
    introducer: int
    vp_signs: int
    director_signs: int
    manager_signs: int


TIERS: Final = (
    Tier("S1", 1, 1, 0, 0, 0, 0, 10_000, 5_000, 1_000),
    Tier("S2", 5, 1, 1, 0, 0, 0, 25_000, 10_000, 2_500),
    Tier("S3", 10, 1, 1, 1, 0, 0, 50_000, 25_000, 5_000),
    Tier("S4", 20, 1, 1, 2, 1, 0, 75_000, 40_000, 10_000),
    Tier("S5", 50, 2, 2, 2, 1, 0, 100_000, 50_000, 15_000),
    Tier("S6", 75, 2, 2, 2, 1, 1, 150_000, 75_000, 20_000),
    Tier("S7", 100, 2, 2, 3, 1, 1, 200_000, 100_000, 25_000),
    Tier("M1", 150, 2, 2, 2, 1, 1, 250_000, 150_000, 50_000),
    Tier("M2", 200, 2, 2, 3, 1, 1, 300_000, 200_000, 75_000),
    Tier("M3", 300, 2, 3, 3, 1, 1, 350_000, 250_000, 100_000),
    Tier("M4", 400, 2, 3, 3, 2, 1, 450_000, 300_000, 150_000),
    Tier("M5", 500, 2, 3, 3, 2, 1, 550_000, 400_000, 200_000),
    Tier("M6", 750, 2, 3, 4, 2, 1, 700_000, 500_000, 300_000),
    Tier("M7", 1_000, 2, 3, 4, 2, 1, 850_000, 600_000, 400_000),
    Tier("L1", 2_500, 2, 4, 5, 2, 1, 1_000_000, 750_000, 500_000),
    Tier("L2", 5_000, 3, 4, 5, 2, 1, 1_500_000, 1_000_000, 600_000),
    Tier("L3", 10_000, 3, 4, 5, 3, 1, 2_000_000, 1_250_000, 700_000),
    Tier("L4", 25_000, 3, 5, 5, 3, 1, 3_000_000, 1_500_000, 800_000),
    Tier("L5", 50_000, 3, 5, 6, 3, 1, 4_000_000, 2_000_000, 900_000),
    Tier("L6", 100_000, 3, 5, 6, 3, 2, 5_000_000, 2_500_000, 1_000_000),
    Tier("L7", UNLIMITED, 3, 5, 6, 3, 2, 7_500_000, 3_000_000, 1_250_000),
)
"""Ascending; the last one takes every size, and companies of unknown size."""
