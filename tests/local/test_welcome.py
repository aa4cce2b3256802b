"""The first thing a newcomer reads: what it says to type must work where they type it."""

import sys
from pathlib import Path

import pytest

from local.welcome import welcome

KNOWN = {"INGRESS_URL": "http://127.0.0.1:8000", "WEBHOOK_SECRET": "first, second"}


USUAL = Path(".local").absolute()


@pytest.mark.parametrize(
    ("folder", "environment", "command"),
    [
        (USUAL, ".venv", "  .venv/bin/person-changes status\n"),
        (Path("/data dir"), ".venv", "  DATA_DIR='/data dir' .venv/bin/person-changes status\n"),
        (USUAL, "/an environment", "  '/an environment/bin/person-changes' status\n"),
    ],
)
def test_the_commands_find_the_program_and_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, folder: Path, environment: str, command: str
) -> None:
    """A folder of one's own is named (DATA_DIR, VENV); the usual one needs no word."""
    monkeypatch.setattr(sys, "prefix", str(Path(environment).absolute()))

    assert command in welcome(KNOWN, folder, "2.0 s")
