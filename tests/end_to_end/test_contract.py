"""The examples of docs/contract.md do what they say: they are taken from the page and run."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local.jars import java_binary
from local.process import spawn
from schemas.codec import decode_change
from schemas.topics import change_headers, company_key, partition_for
from tests.support.java import compile_java
from tests.support.system import ROOT, System, wait_for
from tests.support.updates import CODEC, Updates, read_all

PAGE = (ROOT / "docs" / "contract.md").read_text("utf-8")
CHANGE_SCHEMA = str(ROOT / "schemas" / "person_change.avsc")
UPDATE_SCHEMA = str(ROOT / "schemas" / "buyer_group_updated.avsc")
_EXAMPLE = re.compile(r"<!-- example: (?P<name>[\w.]+) -->\n```\w+\n(?P<code>.*?)```\n", re.DOTALL)


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """The examples of the page, each a file of its own."""
    found = {match["name"]: match["code"] for match in _EXAMPLE.finditer(PAGE)}

    def write(name: str) -> Path:
        file = tmp_path / name
        file.write_text(found[name])
        return file

    return write


@pytest.fixture
def updates(system: System, make_topic: Callable[..., str]) -> Updates:
    """The topic of this test's system, and its outbox."""
    topic = make_topic(partitions=4)
    system.settings |= {"BUYER_GROUP_UPDATES_TOPIC": topic, "REFRESH_INTERVAL_SECONDS": "0.2"}
    return Updates(system, topic)


def run(command: list[str]) -> None:
    """It succeeds."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_publishers_in_python_and_java_and_a_receiver_work_as_they_stand(
    updates: Updates, example: Callable[[str], Path], tmp_path: Path
) -> None:
    """Both changes of the company are applied, on one partition, and the receiver is told of both."""
    system = updates.system
    where = [system.bootstrap, system.topic, CHANGE_SCHEMA]
    reader = [sys.executable, str(example("receive_updates.py")), system.bootstrap, updates.topic, UPDATE_SCHEMA]
    receiver = spawn("receiver", reader, tmp_path)
    system.children.append(receiver)
    classpath = compile_java(example("PublishChange.java"), tmp_path / "classes")
    with system.consumer_here(), updates.relays_here():
        run([sys.executable, "-W", "error", str(example("publish_change.py")), *where])
        run([java_binary(), "-cp", classpath, "PublishChange", *where])
        wait_for("both people in the group", lambda: len(system.query("SELECT person_id FROM groups")) == 2)
        wait_for("empty outbox", updates.empty)
        wait_for("both people", lambda: all(name in receiver.log.read_text() for name in ("Ada", "Grace")))

    assert system.query("SELECT person_id, name, title FROM roster ORDER BY 1") == [
        ("p-1", "Ada Lovelace", "Chief Revenue Officer"),
        ("p-2", "Grace Hopper", "Head of IT"),
    ]
    assert system.query("SELECT * FROM dead_letters") == []
    assert system.query("SELECT sum(wrong_partition) FROM consumer_positions") == [(0,)]
    lines = receiver.log.read_text().splitlines()
    assert [line.split(" | ")[:5] for line in lines] == [
        ["default", "acme", "1", "joined", "Ada Lovelace"],
        ["default", "acme", "2", "joined", "Grace Hopper"],
    ]
    assert [CODEC.decode(message.value())["cause"]["event_ids"] for message in updates.messages()] == [
        ["hr-4711"],
        ["crm-42"],
    ]


def test_records_of_the_examples_are_what_the_table_says(
    updates: Updates, example: Callable[[str], Path], tmp_path: Path
) -> None:
    """Key, partition and headers, from either language."""
    system = updates.system
    where = [system.bootstrap, system.topic, CHANGE_SCHEMA]
    classpath = compile_java(example("PublishChange.java"), tmp_path / "classes")
    run([sys.executable, str(example("publish_change.py")), *where])
    run([java_binary(), "-cp", classpath, "PublishChange", *where])

    messages = [m for m in read_all(system.bootstrap, system.topic) if m.key() is not None]
    assert len(messages) == 2
    for message in messages:
        said = decode_change(message.value())
        ours = dict(change_headers(said))
        theirs = dict(message.headers() or [])
        assert message.key() == company_key("acme")
        assert message.partition() == partition_for(company_key("acme"), system.partitions)
        assert set(theirs) == set(ours)
        assert {name: theirs[name] for name in ours if name != "ce_time"} == {
            name: value for name, value in ours.items() if name != "ce_time"
        }
