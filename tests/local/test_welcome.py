"""The first thing a newcomer reads: what it says to type must work where they type it."""

from pathlib import Path

import pytest

from local.welcome import welcome

KNOWN = {"INGRESS_URL": "http://127.0.0.1:8000", "WEBHOOK_SECRET": "first, second"}


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        (Path(".local").absolute(), "  .venv/bin/person-changes status\n"),
        (Path("/data dir"), "  DATA_DIR='/data dir' .venv/bin/person-changes status\n"),
    ],
)
def test_the_commands_find_the_data_folder(folder: Path, command: str) -> None:
    """A folder of one's own is named; the usual one needs no word."""
    assert command in welcome(KNOWN, folder, "2.0 s")
