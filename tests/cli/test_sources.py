"""`sources`: the file of sources is checked before a server reads it, and listed without a secret."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from ingress.settings import IngressSettings

SECRET = "a-secret-that-is-text"
_ACME = (
    '[sources.acme]\npreset = "github"\nsecrets = ["env:ACME", {ref = "env:ACME", not_before = 2999-01-01T00:00:00Z}, '
    '{ref = "env:ACME", not_after = 2001-01-01T00:00:00Z}, {ref = "env:ACME", not_after = 2999-01-01T00:00:00Z}]\n'
)
_SEEN = '[sources.seen]\npreset = "coresignal"\nsecrets = ["env:ACME"]\npublic_url = "https://in.test"\n'


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A file of sources; nothing else is set."""
    for name in IngressSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    path = tmp_path / "sources.toml"
    path.write_text(_ACME + _SEEN)
    for name, value in {"DATA_DIR": str(tmp_path), "ACME": SECRET, "SOURCES_FILE": str(path)}.items():
        monkeypatch.setenv(name, value)
    return path


def test_sources_are_listed() -> None:
    """A line each: its URL, how it proves itself, what reads it, and which secrets count now."""
    result = CliRunner().invoke(app, ["sources"])
    lines = result.output.splitlines()

    assert result.exit_code == 0
    assert [line.split()[0] for line in lines] == ["source", "acme", "seen"]
    assert "/api/webhooks/person-change/acme" in lines[1]
    assert "env:ACME, env:ACME (from 2999-01-01T00:00:00.000Z), env:ACME (no more), env:ACME (until 2999-" in lines[1]
    assert "https://in.test/api/webhooks/person-change/seen/<token>" in lines[2]
    assert SECRET not in result.output


def test_sources_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as one document; `generic` is there when its secret is."""
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("PUBLIC_URL", "https://hooks.test")
    found = {
        source["name"]: source
        for source in json.loads(CliRunner().invoke(app, ["sources", "--json"]).output)["sources"]
    }

    assert [secret["counts"] for secret in found["acme"]["secrets"]] == [True, False, False, True]
    assert found["acme"]["mode"] == "hmac"
    assert found["generic"] == {
        "name": "generic",
        "url": "https://hooks.test/api/webhooks/person-change/generic",
        "mode": "hmac",
        "adapter": "original",
        "secrets": [{"ref": "env:WEBHOOK_SECRET", "notBefore": None, "notAfter": None, "counts": True}],
    }


def test_what_is_wrong_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, a line each, as the ingress would say it; exit code 2, no secret and no trace."""
    monkeypatch.setenv("ACME", "hunter2")
    result = CliRunner().invoke(app, ["sources"])

    assert result.exit_code == 2
    assert f"{file}: source acme: secrets[0]: env:ACME is short" in result.stderr
    assert f"{file}: source seen: secrets[0]: env:ACME is short" in result.stderr
    assert "hunter2" not in result.output
    assert "Traceback" not in result.output


def test_without_sources_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file nor a secret."""
    monkeypatch.delenv("SOURCES_FILE")
    result = CliRunner().invoke(app, ["sources"])

    assert result.exit_code == 2
    assert "WEBHOOK_SECRET: is required" in result.stderr
