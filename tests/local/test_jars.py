"""Kafka's jars and a Java to run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local import jars
from local.kafka import Kafka
from local.process import LocalServerError
from tests.support.system import ROOT


def test_the_class_path_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start asks nobody; a jar that has vanished is fetched again."""
    jar = tmp_path / "kafka.jar"
    jar.touch()
    asked: list[str] = []

    def download() -> list[str]:
        asked.append("Maven")
        return [str(jar)]

    monkeypatch.setenv("PERSON_CHANGES_CACHE", str(tmp_path))
    monkeypatch.setattr(jars, "_download", download)

    assert [jars.kafka_classpath() for _ in range(3)] == [str(jar)] * 3
    assert len(asked) == 1

    (tmp_path / "kafka-4.3.1.json").write_text(json.dumps({"coordinates": jars.COORDINATES, "jars": ["/gone.jar"]}))
    assert jars.kafka_classpath() == str(jar)
    assert len(asked) == 2


def test_a_download_that_fails_says_what_to_do(tmp_path: Path) -> None:
    """No trace, but the way out."""
    script = (
        "from local.jars import kafka_classpath\nfrom local.process import LocalServerError\n"
        "try: kafka_classpath()\nexcept LocalServerError as error: print(error)"
    )
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
    settings = os.environ | nowhere | {"PERSON_CHANGES_CACHE": str(tmp_path), "HOME": str(tmp_path), "NO_PROXY": ""}

    done = subprocess.run(
        [sys.executable, "-c", script], env=settings, cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert "Apache Kafka's jars could not be fetched" in done.stdout
    assert "Check the network and the proxy settings and start again" in done.stdout
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stdout


def test_caches_that_are_warm_need_no_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home that became read-only runs what is in it: nothing is locked, nothing made."""
    jar, cache = tmp_path / "kafka.jar", tmp_path / "cache"
    jar.touch()
    cache.mkdir()
    (cache / "kafka-4.3.1.json").write_text(json.dumps({"coordinates": jars.COORDINATES, "jars": [str(jar)]}))
    (cache / "kafka.lock").mkdir()  # cannot be opened for writing, not even by root
    monkeypatch.setenv("PERSON_CHANGES_CACHE", str(cache))

    assert jars.kafka_classpath() == str(jar)


@pytest.mark.parametrize("setting", ["PERSON_CHANGES_CACHE", "XDG_CACHE_HOME", "HOME"])
def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    """Which folder, why, and which setting names another one."""
    (tmp_path / "file").touch()
    for name in ("PERSON_CHANGES_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(setting, str(tmp_path / "file" / "folder"))

    with pytest.raises(LocalServerError, match="PERSON_CHANGES_CACHE") as caught:
        jars.kafka_classpath()

    assert str(jars.cache_folder()) in str(caught.value)
    assert "Not a directory" in str(caught.value)


def test_a_maven_repository_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fetched is kept in a folder of its own, which is not taken for a trouble of the network."""
    monkeypatch.setenv("PERSON_CHANGES_CACHE", str(tmp_path))

    monkeypatch.delenv("M2_REPO", raising=False)

    def build(*_: object, **__: object) -> None:
        assert os.environ["M2_REPO"] == str(tmp_path / "maven")
        (tmp_path / "kafka.lock" / "repository").mkdir()

    monkeypatch.setattr("jgo.build", build)

    with pytest.raises(LocalServerError, match=r"cannot be kept in .*Not a directory"):
        jars.kafka_classpath()


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number that nobody has."""

    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("PERSON_CHANGES_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", home)

    with pytest.raises(LocalServerError, match="Set PERSON_CHANGES_CACHE"):
        jars.kafka_classpath()


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java 11 on PATH does not keep the bundled one from running."""
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PERSON_CHANGES_JAVA", str(old))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(jars, "bundled_java", lambda: "the bundled one")

    assert jars.java_binary() == "the bundled one"


@pytest.mark.slow
@pytest.mark.parametrize("java", ["on this machine", "bundled"])
def test_kafka_runs_on_the_java_of_the_machine_and_on_the_bundled_one(tmp_path: Path, java: str) -> None:
    """Both start, keep the cluster's data in the folder, whatever it is called, and start again."""
    folder = tmp_path / "é, ü" / "kafka"
    binary = jars.bundled_java() if java == "bundled" else jars.java_binary()
    for _ in range(2):
        kafka = Kafka(folder, binary)
        try:
            assert kafka.start().startswith("127.0.0.1:")
        finally:
            kafka.stop()
    assert (folder / "data" / "meta.properties").exists()
    assert list(tmp_path.iterdir()) == [folder.parent]


def test_a_storage_that_cannot_be_formatted_is_told(tmp_path: Path) -> None:
    """With what Kafka's own tool said."""
    with pytest.raises(LocalServerError, match="cannot be formatted"):
        Kafka(tmp_path / "kafka", "/bin/false").start()
