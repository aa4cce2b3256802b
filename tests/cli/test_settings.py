"""Settings errors name the variable, never its value; the local stack's file fills in what is not set."""

from pathlib import Path

import pytest
from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from cli.environment import origin, read_settings
from cli.failures import USAGE, CommandError
from cli.main import app
from cli.sender_settings import SenderSettings
from cli.servers import database_address
from db.settings import DatabaseSettings

NAMES = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "WEBHOOK_SECRET", "INGRESS_URL", "DATA_DIR")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


class _Strict(BaseSettings):
    api_token: SecretStr
    count: int = 0

    @field_validator("api_token")
    @classmethod
    def _long(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 100:
            raise ValueError("Must have 100 characters")
        return value


def test_each_wrong_variable_is_named_with_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong setting is a line with the variable's name and the rule it breaks."""
    monkeypatch.setenv("TOPIC_PARTITIONS", "many")
    monkeypatch.setenv("TOPIC_RETENTION_HOURS", "0")
    result = CliRunner().invoke(app, ["topics"])

    assert result.exit_code == USAGE
    assert "TOPIC_PARTITIONS: input should be a valid integer" in result.stderr
    assert "TOPIC_RETENTION_HOURS: input should be greater than 0" in result.stderr
    assert "many" not in result.stderr


def test_a_secret_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused secret is named, not printed."""
    monkeypatch.setenv("API_TOKEN", "hush-hush")
    with pytest.raises(CommandError) as caught:
        read_settings(_Strict)

    assert "API_TOKEN: must have 100 characters" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_a_missing_variable_is_named() -> None:
    """A setting without default says that it is required."""
    with pytest.raises(CommandError, match="API_TOKEN: is required, but not set"):
        read_settings(_Strict)


def test_a_variable_that_is_no_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON setting with something else in it is named."""
    monkeypatch.setenv("KAFKA_CLIENT_CONFIG", "{broken")
    result = CliRunner().invoke(app, ["topics"])

    assert result.exit_code == USAGE
    assert "KAFKA_CLIENT_CONFIG is not valid JSON" in result.stderr


def test_the_local_stacks_file_fills_in_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`DATA_DIR/env` gives the values that the environment leaves open, and its path is named as their origin."""
    (tmp_path / "env").write_text("WEBHOOK_SECRET=from-file\nINGRESS_URL=http://127.0.0.1:1234\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = read_settings(SenderSettings)

    assert settings.webhook_secret.get_secret_value() == "from-file"
    assert settings.ingress_url == "http://127.0.0.1:1234"
    assert origin("WEBHOOK_SECRET") == f"from {tmp_path / 'env'}"


def test_the_file_is_looked_for_in_dot_local(tmp_path: Path) -> None:
    """Without DATA_DIR the file is `.local/env`."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "env").write_text("WEBHOOK_SECRET=from-dot-local\n")

    assert read_settings(SenderSettings).webhook_secret.get_secret_value() == "from-dot-local"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set in the environment counts, whatever the file says."""
    (tmp_path / "env").write_text("WEBHOOK_SECRET=from-file\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WEBHOOK_SECRET", "from-environment")

    assert read_settings(SenderSettings).webhook_secret.get_secret_value() == "from-environment"
    assert origin("WEBHOOK_SECRET") == "from the environment"


def test_long_running_processes_do_not_read_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment's process cannot pick up a developer's leftovers."""
    (tmp_path / "env").write_text("DATABASE_URL=postgresql://elsewhere/x\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    assert read_settings(DatabaseSettings) != read_settings(DatabaseSettings, with_local_file=False)
    assert origin("KAFKA_BOOTSTRAP_SERVERS") == "the default"


def test_a_database_that_is_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the address and the variable, no password and no trace."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hush-hush@127.0.0.1:1/nowhere")
    result = CliRunner().invoke(app, ["migrate"])

    assert result.exit_code == 1
    assert "127.0.0.1:1/nowhere (DATABASE_URL, from the environment)" in result.stderr
    assert "hush-hush" not in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("url", ["mysql://u:hush-hush@h/d", "postgres:/u:hush-hush", "host=h password=hush-hush"])
def test_what_is_no_database_address_is_refused_unseen(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong address is not repeated, since it may hold a password."""
    monkeypatch.setenv("DATABASE_URL", url)
    result = CliRunner().invoke(app, ["status"])

    assert result.exit_code == USAGE
    assert "DATABASE_URL" in result.stderr
    assert "hush-hush" not in result.output


def test_an_address_is_shown_without_user_and_password() -> None:
    """Host, port and database are enough to know which server is meant."""
    assert database_address("postgresql://u:p@a:1,b:2/db?sslmode=require") == "a:1,b:2/db"
    assert database_address("postgresql:///db") == "the local socket/db"


def test_a_kafka_that_is_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the address and the variable, and why it failed."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = CliRunner().invoke(app, ["topics"])

    assert result.exit_code == 1
    assert "Kafka does not answer at 127.0.0.1:1 (KAFKA_BOOTSTRAP_SERVERS, from the environment)" in result.stderr
    assert "refused" in result.stderr
