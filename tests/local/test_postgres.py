"""The embedded PostgreSQL."""

import signal
import sys
from pathlib import Path

import pytest

from db.errors import RetryableDatabaseError
from local import postgres
from local.process import LocalServerError, spawn


def test_a_disk_that_is_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where, and what PostgreSQL said; no trace."""

    def full(*_: object) -> None:
        raise RetryableDatabaseError("DiskFull: could not extend file")

    monkeypatch.setattr(postgres, "answers", lambda _: True)
    monkeypatch.setattr(postgres, "create_database", full)
    (tmp_path / "password").write_text("secret")
    server = postgres.Postgres(tmp_path)
    server.child = spawn("sleep", [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path)
    try:
        with pytest.raises(LocalServerError, match="DiskFull") as caught:
            server.wait()
    finally:
        server.child.stop(signal.SIGKILL, 5)

    assert str(tmp_path) in str(caught.value)
