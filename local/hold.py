"""Servers for a test session whose processes come and go: `python -m local.hold FOLDER PID`.

The first worker that asks starts the holder, which is nobody's child, so that it outlives this worker; it stops the
servers when it is told to or when the session's process is gone, however that ended.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from local.process import LocalServerError, end_leftover, last_lines, remember
from local.stack import Stack

START_SECONDS: Final = 180.0
LOOK_SECONDS: Final = 0.1
STOP_SECONDS: Final = 20.0
_HOLDERS: Final[list["subprocess.Popen[bytes]"]] = []  # kept: a Popen that is collected while it runs warns
_THROW_AWAY: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are.

    Attributes:
        bootstrap: Kafka's bootstrap servers.
        database_url: PostgreSQL's URI.
    """

    bootstrap: str
    database_url: str


def borrow(folder: Path, owner: int, environment: Mapping[str, str]) -> Servers:
    """The session's servers, started by the first who asks.

    Args:
        folder: the session's own.
        owner: pid of the session's process; the servers end with it.
        environment: of the holder; `KAFKA_BOOTSTRAP_SERVERS` and `DATABASE_URL` in it win over embedded servers.

    Raises:
        LocalServerError: they do not start; those who ask later hear the same.
    """
    answer = folder / "servers.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not answer.exists():
            _start_holder(folder, owner, environment, answer)
        found: dict[str, str] = json.loads(answer.read_text())
    if "error" in found:
        raise LocalServerError(found["error"])
    return Servers(**found)


def release(folder: Path) -> None:
    """Stop the session's servers, if any were started."""
    end_leftover(folder / "holder.pid", STOP_SECONDS)


def _start_holder(folder: Path, owner: int, environment: Mapping[str, str], answer: Path) -> None:
    log = folder / "holder.log"
    command = [sys.executable, "-m", "local.hold", str(folder), str(owner)]
    with log.open("wb") as out:
        holder = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _HOLDERS.append(holder)
    remember(folder / "holder.pid", holder.pid, command)
    deadline = time.monotonic() + START_SECONDS
    while not answer.exists():
        if holder.poll() is not None or time.monotonic() > deadline:
            _write(answer, {"error": f"the servers of the tests do not start.\n{last_lines(log)}"})
        time.sleep(0.02)


def hold(folder: Path, owner: int) -> None:
    """Start the servers, say where they are, and keep them until told to stop or the owner is gone."""
    told: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: told.append(number))
    session, stack = psutil.Process(owner), Stack(folder, _THROW_AWAY)
    try:
        try:
            bootstrap, url = stack.start()
        except LocalServerError as error:
            _write(folder / "servers.json", {"error": str(error)})
            return
        _write(folder / "servers.json", asdict(Servers(bootstrap, url)))
        while not told and session.is_running():
            time.sleep(LOOK_SECONDS)
    finally:
        stack.stop()


def _write(file: Path, content: Mapping[str, str]) -> None:
    part = file.with_suffix(f".{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(json.dumps(content))
    part.replace(file)


if __name__ == "__main__":
    hold(Path(sys.argv[1]), int(sys.argv[2]))
