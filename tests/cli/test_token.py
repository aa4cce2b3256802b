"""`token`: made, shown once, listed without what opens doors, revoked."""

import json

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
def _database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


def _token(*words: str) -> Result:
    return CliRunner().invoke(app, ["token", *words], env={"COLUMNS": "200"})


def test_a_token_is_shown_once() -> None:
    """Alone on standard output, ready for a variable; neither list nor database shows it again."""
    made = _token("create", "--scope", "refresh", "--scope", "read", "--workspace", "w1", "--name", "Anna's dashboard")
    token = made.stdout.strip()
    listed = _token("list")

    assert made.exit_code == 0
    assert token.startswith("pc_")
    assert "only time" in made.stderr
    assert "read, refresh" in listed.stdout
    assert "Anna's dashboard" in listed.stdout
    assert "w1" in listed.stdout
    assert token not in listed.stdout
    assert token[3:] not in listed.stdout


def test_a_token_is_revoked_by_its_id() -> None:
    """The list shows since when; again changes nothing; an unknown id is exit code 1."""
    made = json.loads(_token("create", "--scope", "operate", "--json").stdout)
    first = json.loads(_token("revoke", made["id"], "--json").stdout)
    again = _token("revoke", made["id"])
    unknown = _token("revoke", "nothing")
    (listed,) = json.loads(_token("list", "--json").stdout)

    assert made["revokedAt"] is None
    assert made["scopes"] == ["operate"]
    assert made["workspaceId"] is None
    assert first["revokedAt"] == listed["revokedAt"] is not None
    assert first["revokedAt"] in again.stdout
    assert "token" not in listed
    assert unknown.exit_code == 1
    assert "token list" in unknown.stderr


def test_an_empty_list_says_so() -> None:
    """And that the environment's token is another matter."""
    assert "API_TOKEN" in _token("list").stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--scope"),
        (("--scope", "everything"), "everything"),
        (("--scope", "read", "--workspace", " "), "--workspace"),
        (("--scope", "read", "--name", "a\x00b"), "--name"),
    ],
)
def test_a_wrong_command_line_makes_no_token(words: tuple[str, ...], named: str) -> None:
    """Exit code 2, and the option that is wrong."""
    refused = _token("create", *words)

    assert refused.exit_code == 2
    assert named in refused.stderr
    assert json.loads(_token("list", "--json").stdout) == []
