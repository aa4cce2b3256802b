"""Who sets a role or applies a policy, where the system knows no name: a container with any user id."""

import os
import pwd

import pytest
from typer.testing import CliRunner

from cli import set_role
from cli.environment import user_name
from cli.main import app


@pytest.fixture
def _nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(number: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(os, "getuid", lambda: 1234)


@pytest.mark.usefixtures("_nameless")
def test_a_user_without_a_name_is_a_number() -> None:
    """And no traceback."""
    assert user_name() == "uid 1234"


def test_a_user_with_a_name_is_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the environment says first."""
    monkeypatch.setenv("LOGNAME", "ann")

    assert user_name() == "ann"


@pytest.mark.usefixtures("_nameless")
def test_a_role_is_set_in_a_container_without_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """The change says who, as far as anybody knows."""
    published: list[tuple[object, ...]] = []

    def publish(*said: object) -> str:
        published.append(said)
        return "an-id"

    monkeypatch.setattr(set_role, "_names", lambda *_: ["blocker"])
    monkeypatch.setattr(set_role, "_publish", publish)
    done = CliRunner().invoke(app, ["group", "set-role", "acme", "p1", "blocker"])

    assert done.exit_code == 0, done.output
    assert published[0][-1] == "uid 1234"
