"""A real Schema Registry, Apicurio with its Confluent API, from the Maven repository."""

import fcntl
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from local.jars import cache_folder, java_binary
from local.process import LOOPBACK, Child, free_port, spawn

VERSION: Final = "3.0.9"
START_SECONDS: Final = 120.0
_JVM: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry.

    Attributes:
        url: of its Confluent API.
    """

    url: str
    child: Child

    @contextmanager
    def away(self) -> Iterator[None]:
        """It answers nobody during the block."""
        self.child.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.child.popen.send_signal(signal.SIGCONT)


@contextmanager
def running_registry(folder: Path) -> Iterator[Registry]:
    """A registry that forgets everything when it ends."""
    port = free_port()
    [jar] = _application().glob("*-runner.jar")
    listen = (f"-Dquarkus.http.host={LOOPBACK}", f"-Dquarkus.http.port={port}")
    url = f"http://{LOOPBACK}:{port}/apis/ccompat/v7"
    child = spawn("registry", [java_binary(), *_JVM, *listen, "-jar", str(jar)], folder)
    try:
        child.wait_until(lambda: _answers(url), START_SECONDS)
        yield Registry(url, child)
    finally:
        child.stop(signal.SIGTERM, 10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/subjects", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _application() -> Path:
    """The unpacked application; fetched and unpacked once on this machine."""
    folder = cache_folder() / f"apicurio-registry-{VERSION}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            with tarfile.open(_archive()) as archive:
                archive.extractall(part, filter="data")
            part.rename(folder)
    return folder


def _archive() -> Path:
    from jgo.maven import MavenContext  # noqa: PLC0415  # needed once; importing it takes a third of a second

    component = MavenContext(timeout=120).project("io.apicurio", "apicurio-registry-app").at_version(VERSION)
    artifact = component.artifact("all", "tar.gz")
    fetched: Path = artifact.resolve()
    if subprocess.run(["gzip", "--test", fetched], capture_output=True, check=False).returncode:
        fetched.unlink()  # of a download that was cut off
        fetched = artifact.resolve()
    return fetched
