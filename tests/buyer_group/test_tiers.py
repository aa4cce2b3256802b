"""The table of company sizes."""

from itertools import pairwise

import pytest

from consumers.buyer_group import DEFAULT_POLICY, Role
from consumers.buyer_group.tiers import TIERS, Tier


def _total(tier: Tier) -> int:
    return sum(getattr(tier, role) for role in Role)


def test_there_are_the_originals_21_tiers() -> None:
    """S1 to S7, M1 to M7, L1 to L7, with the totals that are known of them."""
    assert [tier.name for tier in TIERS] == [f"{letter}{number}" for letter in "SML" for number in range(1, 8)]
    totals = {letter: [_total(tier) for tier in TIERS if tier.name[0] == letter] for letter in "SML"}
    assert (totals["S"][0], totals["S"][-1]) == (1, 9)
    assert (totals["M"][0], totals["M"][-1]) == (8, 12)
    assert (min(totals["L"]), totals["L"][-1]) == (14, 19)
    assert all(values == sorted(values) for values in totals.values())
    assert [getattr(TIERS[14], role) for role in Role] == [2, 4, 5, 2, 1]


def test_higher_levels_sign_more_and_larger_companies_let_them() -> None:
    """The original's minima are read as maxima: a manager signs less than a vice president, everywhere."""
    assert TIERS[2][-3:] == (50_000, 25_000, 5_000)
    assert TIERS[14][-3:] == (1_000_000, 750_000, 500_000)
    assert all(tier.vp_signs > tier.director_signs > tier.manager_signs for tier in TIERS)
    for smaller, larger in pairwise(TIERS):
        assert smaller.up_to < larger.up_to
        assert all(a < b for a, b in zip(smaller[-3:], larger[-3:], strict=True))


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (0, "S1"),
        (1, "S1"),
        (2, "S2"),
        (100, "S7"),
        (101, "M1"),
        (1000, "M7"),
        (1001, "L1"),
        (10**9, "L7"),
        (None, "L7"),
    ],
)
def test_a_company_is_in_the_first_tier_that_takes_it(size: int | None, name: str) -> None:
    """Borders are inclusive; of unknown size counts as the largest."""
    assert DEFAULT_POLICY.tier(size).name == name
