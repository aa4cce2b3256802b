"""Secrets that are made once, and the file that tells other shells."""

import stat
import subprocess
from pathlib import Path

import pytest

from local.secrets import kept_secrets, read_env_file, write_env_file


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    """A second start signs with the same secret."""
    file = tmp_path / "secrets"

    first = kept_secrets(file)

    assert kept_secrets(file) == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(len(value) >= 32 for value in first.values())


def test_what_is_written_reads_the_same_here_and_in_a_shell(tmp_path: Path) -> None:
    """Quotes, spaces, dollars and equals signs do not change on the way."""
    file, value = tmp_path / "env", "a b'c\"$HOME=é"
    write_env_file(file, {"NAME": value})

    shell = subprocess.run(["bash", "-c", f'. {file}; printf %s "$NAME"'], capture_output=True, text=True, check=True)

    assert read_env_file(file) == {"NAME": value}
    assert shell.stdout == value


def test_comments_blank_lines_and_export_are_understood(tmp_path: Path) -> None:
    """As people write such files."""
    file = tmp_path / ".env"
    file.write_text("# comment\n\nexport A=1\nB='two words' # why\nC=\n")

    assert read_env_file(file) == {"A": "1", "B": "two words", "C": ""}


def test_a_line_that_is_no_setting_is_named(tmp_path: Path) -> None:
    """File and line, not its content, which may be a secret."""
    file = tmp_path / ".env"
    file.write_text("A=1\nsecret without a name\n")

    with pytest.raises(ValueError, match=r"\.env line 2 is not NAME=value") as caught:
        read_env_file(file)
    assert "without" not in str(caught.value)
