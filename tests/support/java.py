"""Compiles Java with the Eclipse compiler, which is a jar: a machine needs a Java to run, not a JDK."""

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Final

from local.jars import cache_folder, java_binary, kafka_classpath

COMPILER: Final = "org.eclipse.jdt:ecj:3.40.0"
AVRO: Final = "org.apache.avro:avro:1.12.1"
SECONDS: Final = 120


def compile_java(source: Path, folder: Path) -> str:
    """Compile one file against Kafka's own client and Avro.

    Args:
        source: the file.
        folder: where the classes go.

    Returns:
        The class path to run it with.
    """
    classpath = os.pathsep.join([kafka_classpath(), _jars(AVRO)])
    command = [java_binary(), "-cp", _jars(COMPILER), "org.eclipse.jdt.internal.compiler.batch.Main"]
    done = subprocess.run(
        [*command, "-17", "-encoding", "UTF-8", "-cp", classpath, "-d", str(folder), str(source)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return os.pathsep.join([str(folder), classpath])


def _jars(coordinates: str) -> str:
    import jgo  # noqa: PLC0415  # importing it takes a third of a second

    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "kafka.lock").open("w") as lock:  # the lock of whoever fetches jars
        fcntl.flock(lock, fcntl.LOCK_EX)
        return os.pathsep.join(str(jar) for jar in jgo.build(coordinates, cache_dir=folder / "jars").all_jars)
