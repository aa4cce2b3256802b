"""A real Schema Registry, Apicurio with its Confluent API, from the Maven repository."""

import fcntl
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from local.jars import cache_folder, java_binary
from local.process import LOOPBACK, Child, free_port, spawn

VERSION: Final = "3.0.9"
START_SECONDS: Final = 120.0
_JVM: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


@contextmanager
def running_registry(folder: Path, port: int | None = None) -> Iterator[str]:
    """A registry that forgets everything when it ends; yields the URL of its Confluent API."""
    folder.mkdir(exist_ok=True)
    port = port or free_port()
    [jar] = _application().glob("*-runner.jar")
    listen = (f"-Dquarkus.http.host={LOOPBACK}", f"-Dquarkus.http.port={port}")
    url = f"http://{LOOPBACK}:{port}/apis/ccompat/v7"
    child: Child = spawn("registry", [java_binary(), *_JVM, *listen, "-jar", str(jar)], folder)
    try:
        child.wait_until(lambda: _answers(url), START_SECONDS)
        yield url
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
