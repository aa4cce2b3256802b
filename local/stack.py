"""The servers that the system stands on: embedded ones, unless the environment names others."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from local.jars import kafka_classpath
from local.kafka import Kafka
from local.postgres import Postgres
from local.process import Child


class Stack:
    """Kafka and PostgreSQL, started side by side.

    Args:
        folder: where embedded servers keep their data.
        postgres_settings: further settings of the embedded PostgreSQL.

    Attributes:
        kafka: None when `KAFKA_BOOTSTRAP_SERVERS` is set in the environment.
        postgres: None when `DATABASE_URL` is.
    """

    def __init__(self, folder: Path, postgres_settings: Mapping[str, str] | None = None) -> None:
        self._bootstrap, self._url = os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), os.environ.get("DATABASE_URL")
        self.kafka = None if self._bootstrap else Kafka(folder / "kafka")
        self.postgres = None if self._url else Postgres(folder / "postgres", postgres_settings)

    def fetch(self) -> None:
        """Download what embedded servers need, once for all folders.

        Raises:
            LocalServerError: a download failed.
        """
        if self.kafka is not None:
            kafka_classpath()

    def start(self) -> tuple[str, str]:
        """Start what is embedded; from the main thread.

        Returns:
            Kafka's bootstrap servers and PostgreSQL's URI.

        Raises:
            LocalServerError: a server does not come up; those that did are stopped again.
        """
        try:
            for server in (self.kafka, self.postgres):
                if server is not None:
                    server.launch()
            url = self.postgres.wait() if self.postgres else self._url
            bootstrap = self.kafka.wait() if self.kafka else self._bootstrap
        except BaseException:
            self.stop()
            raise
        return bootstrap or "", url or ""

    def children(self) -> list[Child]:
        """The processes of what is embedded and runs."""
        return [server.child for server in (self.kafka, self.postgres) if server is not None and server.child]

    def stop(self) -> None:
        """End what is embedded; the data stays."""
        for server in (self.kafka, self.postgres):
            if server is not None:
                server.stop()


def seconds_since(began: float) -> str:
    """Time since a `time.monotonic()` value, for people."""
    return f"{time.monotonic() - began:.1f} s"
