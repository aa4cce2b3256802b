"""The command line as a newcomer meets it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cli.main import app

COMMANDS = (
    ["up"],
    ["ingress"],
    ["consumer"],
    ["relay"],
    ["resolver"],
    ["migrate"],
    ["topics"],
    ["sources"],
    ["send"],
    ["status"],
    ["classify"],
    ["group"],
    ["group", "show"],
    ["group", "history"],
    ["group", "explain"],
    ["group", "set-role"],
    ["workspace"],
    ["workspace", "list"],
    ["workspace", "show"],
    ["workspace", "apply"],
    ["company"],
    ["company", "link"],
    ["operations"],
    ["operations", "list"],
    ["person"],
    ["person", "merge"],
    ["person", "split"],
    ["person", "candidates"],
    ["person", "erase"],
    ["person", "find"],
    ["hints"],
    ["hints", "list"],
    ["hints", "retry"],
    ["dead-letters"],
    ["dead-letters", "list"],
    ["dead-letters", "show"],
    ["dead-letters", "retry"],
    ["dead-letters", "discard"],
    ["verify"],
    ["replay"],
    ["rebuild"],
    ["token"],
    ["token", "create"],
    ["token", "list"],
    ["token", "revoke"],
)


@pytest.mark.parametrize("words", [[], *COMMANDS], ids=lambda words: " ".join(words) or "person-changes")
def test_every_command_explains_itself(words: list[str]) -> None:
    """Every command has a help page that names its options."""
    result = CliRunner().invoke(app, [*words, "--help"])

    assert result.exit_code == 0
    assert "--help" in result.output


def test_the_list_names_every_command_with_its_sentence() -> None:
    """The first page lists each command with what it is for."""
    output = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).output

    for words in COMMANDS:
        lines = [line.strip("│ ") for line in output.splitlines() if line.strip("│ ").startswith(f"{words[0]} ")]
        assert lines, f"{words[0]} is not listed"
        assert lines[0].endswith("."), f"{words[0]} has no sentence: {lines[0]}"


def test_help_starts_without_the_servers_clients() -> None:
    """The first page needs neither Kafka's client, nor PostgreSQL's driver, nor the web server."""
    heavy = ("confluent_kafka", "psycopg", "pydantic", "starlette", "structlog")
    code = f"import sys, cli.main; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_python_dash_m_is_the_same_command() -> None:
    """`python -m cli` runs the command; a wrong word is a usage error."""
    done = subprocess.run([sys.executable, "-m", "cli", "nonsense"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "nonsense" in done.stderr
