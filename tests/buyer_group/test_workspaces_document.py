"""docs/workspaces.md says what the code does."""

from pathlib import Path

from consumers.buyer_group.rules import EXCLUSIONS, ROLES, SET_BY_USER, TOO_MANY
from consumers.buyer_group.tiers import TIERS, UNLIMITED

_LINES = (Path(__file__).parents[2] / "docs" / "workspaces.md").read_text("utf-8").splitlines()
_CELLS = [[cell.strip() for cell in line.strip("|").split("|")] for line in _LINES if line.startswith("|")]


def test_every_rule_is_listed_with_its_role() -> None:
    """In the order in which they are tried; an id that is not there is one nobody can look up."""
    listed = [(cells[0].strip("`"), cells[1]) for cells in _CELLS if cells[0].startswith("`") and len(cells) == 3]
    rules = [(rule.id, "none") for rule in EXCLUSIONS] + [(rule.id, str(rule.role)) for rule in ROLES]
    expected = [(SET_BY_USER, "the chosen one"), *rules, (TOO_MANY, "stakeholder")]
    assert [row for row in listed if row[0] in dict(expected)] == expected


def test_the_table_of_sizes_is_the_one_that_counts() -> None:
    """All 21 tiers, number by number."""
    rows = [cells for cells in _CELLS if cells[0] in {tier.name for tier in TIERS}]
    expected = [
        [tier.name, "any" if tier.up_to == UNLIMITED else f"{tier.up_to:,}", *(f"{value:,}" for value in tier[2:])]
        for tier in TIERS
    ]
    assert rows == expected
