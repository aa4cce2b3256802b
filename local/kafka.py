"""A real Apache Kafka on this machine: one KRaft node, its data kept, on loopback only."""

import contextlib
import os
import signal
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

from local.jars import java_binary, kafka_classpath
from local.process import LOOPBACK, Child, LocalServerError, end_leftover, is_free, remembered_port, spawn

HEAP: Final = "-Xmx384m"
SETTINGS_FILE: Final = "server.properties"
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 5.0
FORMAT_SECONDS: Final = 60.0
_JVM: Final = (HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", "-Dfile.encoding=UTF-8")
# Kafka runs in its folder and is told no path: in settings it reads é as two letters of Latin-1, and a comma as two
# folders, so that its data would lie beside the data folder.
# After kill -9, the controller takes the broker for alive, and refuses its next start, until the session times out; and
# the group takes its killed consumer for alive, whose partitions nobody gets. Kafka's defaults are 9 s and 45 s.
_SETTINGS: Final = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.consumer.session.timeout.ms=5000
group.consumer.min.session.timeout.ms=1000
group.consumer.heartbeat.interval.ms=1000
group.consumer.min.heartbeat.interval.ms=500
"""


class Kafka:
    """One broker.

    Args:
        folder: its own; data, ports, settings and log are kept there.
        java: the Java that runs it; found on this machine unless told.

    Attributes:
        child: the process, from `launch` to `stop`.
    """

    def __init__(self, folder: Path, java: str | None = None) -> None:
        self._folder, self._java = folder.resolve(), java
        self.child: Child | None = None
        self._port = 0

    @property
    def bootstrap_servers(self) -> str:
        """Where it listens."""
        return f"{LOOPBACK}:{self._port}"

    def launch(self) -> None:
        """Start the process, without waiting for it; from the main thread.

        Raises:
            LocalServerError: Java or jars are missing, or the storage cannot be formatted.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        end_leftover(self._folder / "kafka.pid")
        self._port = remembered_port(self._folder / "port")
        self._configure()
        java = [self._java or java_binary(), *_JVM, "-cp", kafka_classpath()]
        if not (self._data / "meta.properties").exists():
            self._format(java)
        self.child = spawn(
            "kafka",
            [*java, "kafka.Kafka", SETTINGS_FILE],
            self._folder,
            environment=_environment(),
            cwd=self._folder,
        )

    def wait(self) -> str:
        """Wait until it answers.

        Returns:
            Its address, for `bootstrap.servers`.

        Raises:
            LocalServerError: it does not come up.
        """
        if self.child is None:
            raise LocalServerError("Kafka was not launched")
        self.child.wait_until(self._answers, START_SECONDS)
        return self.bootstrap_servers

    def start(self) -> str:
        """Launch and wait."""
        self.launch()
        return self.wait()

    def stop(self) -> None:
        """End it; the data stays."""
        if self.child is not None:
            self.child.stop(signal.SIGTERM, STOP_SECONDS)
            self.child = None

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return self.child.popen.pid if self.child else None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _configure(self) -> None:
        controller = remembered_port(self._folder / "controller_port")
        text = _SETTINGS.format(host=LOOPBACK, port=self._port, controller=controller)
        (self._folder / SETTINGS_FILE).write_text(text)

    def _format(self, java: list[str]) -> None:
        """Prepare the storage; `meta.properties` is what this writes last, so an interrupted run is done again."""
        number = uuid.uuid4().int >> 1  # the first bit is 0: an id that starts with "-" would be taken for an option
        cluster = urlsafe_b64encode(number.to_bytes(16, "big")).decode().rstrip("=")
        tool = [*java, "kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"]
        done = subprocess.run(
            [*tool, "-t", cluster, "-c", SETTINGS_FILE],
            cwd=self._folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise LocalServerError(f"Kafka's storage in {self._data} cannot be formatted:\n{done.stdout}{done.stderr}")

    def _answers(self) -> bool:
        if is_free(self._port):
            return False
        from confluent_kafka import KafkaException  # noqa: PLC0415  # loaded while the broker starts
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        quiet: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap_servers,
            "log_level": 0,
            "reconnect.backoff.max.ms": 100,
        }
        with AdminClient(quiet) as client, contextlib.suppress(KafkaException):
            return bool(client.list_topics(timeout=1).brokers)
        return False


def _environment() -> dict[str, str]:
    """Ours, in a locale with all letters: without one, Java does not find the folder that it runs in."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}
