"""Settings are refused by name when they are wrong, and their values are never shown."""

import pytest
from pydantic import SecretStr

from cli.environment import read_settings
from cli.failures import CommandError
from ingress.settings import IngressSettings

GOOD = "a secret that is long enough"
TOKEN = "a-token-that-is-long-enough"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IngressSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def _read() -> IngressSettings:
    return read_settings(IngressSettings, with_local_file=False)


def _refusal() -> str:
    with pytest.raises(CommandError) as caught:
        _read()
    return str(caught.value)


def test_without_a_secret_there_is_no_ingress() -> None:
    """The message names the variable."""
    assert "WEBHOOK_SECRET: is required" in _refusal()


@pytest.mark.parametrize("value", ["", " ", ",", " , ,"])
def test_an_empty_secret_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Everybody could sign with it; the message says how to make a good one."""
    monkeypatch.setenv("WEBHOOK_SECRET", value)

    assert "WEBHOOK_SECRET: is empty" in _refusal()
    assert "openssl rand" in _refusal()


@pytest.mark.parametrize("value", ["hunter2hunter2!", f"{GOOD},hunter2", f"hunter2,{GOOD}", "hunter2" + " " * 20])
def test_a_short_secret_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Each of several must be long enough; the message names the variable and no secret."""
    monkeypatch.setenv("WEBHOOK_SECRET", value)
    refusal = _refusal()

    assert "WEBHOOK_SECRET: each secret must have at least 16 characters" in refusal
    assert "hunter" not in refusal
    assert GOOD not in refusal


def test_validation_itself_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where pydantic's own error is printed, with its cause."""
    monkeypatch.setenv("WEBHOOK_SECRET", "hunter2")
    monkeypatch.setenv("API_TOKEN", "hunter3")
    with pytest.raises(ValueError, match="webhook_secret") as caught:
        IngressSettings.model_validate({})

    assert "hunter" not in f"{caught.value!s} {caught.value!r}"


def test_several_secrets_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commas part them, the whitespace around them does not count, the order stays, each counts once."""
    monkeypatch.setenv("WEBHOOK_SECRET", f" {GOOD} ,another secret of ü,\n,{GOOD}")

    assert _read().secrets == (GOOD.encode(), "another secret of ü".encode())


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings' text nor their dump has them."""
    monkeypatch.setenv("WEBHOOK_SECRET", GOOD)
    monkeypatch.setenv("API_TOKEN", TOKEN)
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:opensesame@host/db")
    settings = _read()
    shown = f"{settings!r} {settings!s} {settings.model_dump_json()}"

    assert settings.api_token == SecretStr(TOKEN)
    assert GOOD not in shown
    assert TOKEN not in shown
    assert "opensesame" not in shown


@pytest.mark.parametrize(
    "value", ["short", "a token with spaces in it", "a-token-with-ümlauts-in-it", "a-token-with\ttabs-in-it"]
)
def test_a_token_that_no_header_could_carry_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Or that can be guessed; the message names the variable and not the value."""
    monkeypatch.setenv("WEBHOOK_SECRET", GOOD)
    monkeypatch.setenv("API_TOKEN", value)

    assert "API_TOKEN: must be at least 16 ASCII characters" in _refusal()
    assert value not in _refusal()


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_token_is_no_token(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Then nobody can read; the ingress starts all the same."""
    monkeypatch.setenv("WEBHOOK_SECRET", GOOD)
    monkeypatch.setenv("API_TOKEN", value)

    assert _read().api_token is None


def test_a_file_of_sources_stands_for_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then `WEBHOOK_SECRET` may be missing or empty, as container files leave it; an empty path is none."""
    monkeypatch.setenv("SOURCES_FILE", "sources.toml")
    assert _read().secrets == ()
    monkeypatch.setenv("WEBHOOK_SECRET", " ")
    assert _read().secrets == ()
    monkeypatch.setenv("WEBHOOK_SECRET", "hunter2")
    assert "WEBHOOK_SECRET: each secret must have at least 16 characters" in _refusal()
    monkeypatch.setenv("SOURCES_FILE", "")
    monkeypatch.delenv("WEBHOOK_SECRET")
    assert "WEBHOOK_SECRET: is required" in _refusal()


@pytest.mark.parametrize(
    ("value", "kept"),
    [("", None), ("https://a.test", "https://a.test"), ("http://[::1]:80/in/", "http://[::1]:80/in")],
)
def test_the_public_url_has_no_final_slash(monkeypatch: pytest.MonkeyPatch, value: str, kept: str | None) -> None:
    """What follows it begins with one."""
    monkeypatch.setenv("WEBHOOK_SECRET", GOOD)
    monkeypatch.setenv("PUBLIC_URL", value)

    assert _read().public_url == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "a.test"),
        ("PUBLIC_URL", "ftp://a.test"),
        ("PUBLIC_URL", "https://a.test/?x=1"),
        ("PUBLIC_URL", "https://a.test/#x"),
        ("PUBLIC_URL", "https://a b.test"),
        ("INGRESS_PORT", "65536"),
        ("MAX_BODY_BYTES", "1000000"),
        ("SIGNATURE_MAX_AGE_SECONDS", "inf"),
        ("SIGNATURE_MAX_AGE_SECONDS", "1e308"),
        ("SIGNATURE_MAX_AHEAD_SECONDS", "nan"),
        ("BODY_TIMEOUT_SECONDS", "0"),
        ("MAX_OPEN_REQUESTS", "0"),
        ("PUBLISH_TIMEOUT_SECONDS", "0"),
        ("LOOKUP_TIMEOUT_SECONDS", "60"),
    ],
)
def test_a_bound_cannot_be_taken_away(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What protects memory, time and the window of signatures has limits of its own."""
    monkeypatch.setenv("WEBHOOK_SECRET", GOOD)
    monkeypatch.setenv(name, value)

    assert f"{name}: " in _refusal()
