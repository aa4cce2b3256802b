"""Logs: one line an event, in UTC, without secrets."""

import json
import subprocess
import sys

import pytest

from cli.logs import LogSettings, hide_secrets

SCRIPT = """
import logging, structlog
from cli.logs import configure_logs
configure_logs()
structlog.get_logger().info("started", database_url="postgresql://u:hush@h/d", where="postgresql://u:hush@h/d", port=1)
logging.getLogger("other.library").warning("careful with %s", "kafka://u:hush@h")
logging.getLogger("other.library").debug("chatter")
try:
    local = "hu" + "sh"
    raise ValueError("boom")
except ValueError:
    structlog.get_logger().exception("failed")
"""


def _run(**env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, env={"PATH": "", **env}
    )


def test_without_a_terminal_logs_are_json_lines_on_stderr() -> None:
    """Records of structlog and the standard library are JSON, with level, UTC time and logger, and no secret."""
    done = _run()
    lines = [json.loads(line) for line in done.stderr.splitlines()]

    assert done.stdout == ""
    assert [line["event"] for line in lines] == ["started", "careful with kafka://u:**********@h", "failed"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert lines[0]["port"] == 1
    assert lines[1]["logger"] == "other.library"
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "ValueError: boom" in lines[2]["exception"]
    assert "hush@" not in done.stderr


def test_for_people_logs_are_text_without_local_variables() -> None:
    """The console format shows a plain trace: local variables may hold secrets."""
    done = _run(LOG_FORMAT="console", LOG_LEVEL="DEBUG")

    assert "started" in done.stderr
    assert "chatter" in done.stderr
    assert "ValueError: boom" in done.stderr
    assert "locals" not in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET", "api_token", "x-signature", "Authorization", "db_password"])
def test_values_under_a_telling_name_are_hidden(name: str) -> None:
    """A secret's value does not reach the log, whoever logs it."""
    assert hide_secrets(None, "info", {name: "hush"}) == {name: "**********"}


def test_levels_and_formats_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOG_LEVEL=WARNING is what most people write; an empty LOG_FORMAT is as good as none."""
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    monkeypatch.setenv("LOG_FORMAT", "")

    assert LogSettings().log_level == "warning"
    assert LogSettings().log_format is None
