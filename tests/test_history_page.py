"""docs/history.md, against the code."""

import re
from pathlib import Path

from consumers.buyer_group import Kind

PAGE = (Path(__file__).parents[1] / "docs" / "history.md").read_text()


def test_every_kind_of_change_is_explained() -> None:
    """The closed list, and nothing else."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}

    assert {kind.value for kind in Kind} == {name for name in named if not name.startswith(("buyer_group", "employ"))}
