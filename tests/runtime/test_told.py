"""What a refresh tells, on a real database: the world and the settings apart, and nothing twice."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from consumers.runtime.processor import Processor
from consumers.workspaces.document import PolicyDocument
from schemas.codec import Codec
from schemas.events import ChangeType, Movement, PersonChange
from tests.support.changes import NOW, change
from tests.support.consumption import consume, log_of, processor_for

CODEC = Codec("buyer_group_updated")
STEP_MS = 1000
Line = tuple[str, str | None, str | None, str | None]


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """On this test's database; refreshes may follow each other at once."""
    with (made := processor_for(database_url, refresh_interval_seconds=0.001)).store:
        yield made


def append(url: str, version: int, counts_from: int, **parts: Any) -> None:
    """A version of the default workspace's policy."""
    text = PolicyDocument.model_validate({"workspace": "default", **parts}).stored()
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace_id, version, counts_from, policy)"
            " VALUES ('default', %s, from_ms(%s), %s)",
            (version, counts_from, text),
        )


def told(url: str) -> list[dict[str, Any]]:
    """The messages that wait, in order."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT value FROM outbox ORDER BY version").fetchall()
    return [CODEC.decode(value) for (value,) in rows]


def lines(said: list[dict[str, Any]]) -> list[Line]:
    """Lines without their sentences."""
    return [(line["kind"], line["person_id"], line["before"], line["after"]) for line in said]


def history(url: str) -> list[tuple[Any, ...]]:
    """Lines of the last version as they are kept."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT kind, person_id, cause FROM buyer_group_changes JOIN buyer_groups USING (workspace_id, version)"
        ).fetchall()


ROSTER = [
    change("e1", person="p1", title="VP Sales"),
    change("e2", person="p2", title="Sales Manager"),
    change("e3", person="p3", title="CFO"),
]


def refreshed(processor: Processor, then: list[PersonChange]) -> None:
    """The roster as one refresh, and each of these a second later as one more."""
    first = [record._replace(timestamp=NOW) for record in log_of(ROSTER)]
    ask = change("ask", person=None, kind=ChangeType.REFRESH_REQUESTED)
    log = log_of([*ROSTER, ask, *then], STEP_MS)
    consume(
        processor, [*first, *(record._replace(timestamp=NOW + 10 + i * STEP_MS) for i, record in enumerate(log[3:]))]
    )


def test_the_world_and_the_settings_are_told_apart_in_one_refresh(processor: Processor, database_url: str) -> None:
    """Who left is told; whom the new policy puts in another role is one line, and a list for copies."""
    append(database_url, 1, NOW + 500, departments={"primary": ["finance"]}, required=[{"role": "champion"}])
    refreshed(processor, [change("gone", person="p1", movement=Movement.LEFT, occurred_at=NOW + 1)])

    *_, last = told(database_url)
    assert lines(last["changes"]) == [
        ("left", "p1", "decision_maker", None),
        ("incomplete", None, None, "decision_maker"),
        ("settings_changed", None, "0", "1"),
    ]
    assert ("role_changed", "p3", "stakeholder", "decision_maker") in lines(last["settings_changes"])
    assert (last["cause"]["kind"], last["policy_version"], last["missing_roles"]) == ("CHANGES", 1, ["champion"])
    causes = {(person, cause) for _, person, cause in history(database_url) if person}
    assert ("p1", "world") in causes
    assert ("p3", "settings") in causes


def test_settings_alone_are_one_line_whatever_they_change(processor: Processor, database_url: str) -> None:
    """Nobody is told that people joined who only count now."""
    append(database_url, 1, NOW + 500, departments={"primary": ["finance"]})
    refreshed(processor, [change("ask 2", person=None, kind=ChangeType.REFRESH_REQUESTED)])

    *_, last = told(database_url)
    assert [line["kind"] for line in last["changes"]] == ["settings_changed"]
    assert last["cause"]["kind"] == "SETTINGS"
    assert len(last["settings_changes"]) >= 2


def test_settings_that_change_nothing_are_no_message(processor: Processor, database_url: str) -> None:
    """The new version is noted, at the group and in its history; nobody is told."""
    append(database_url, 1, NOW + 500)
    before = len(told(database_url))
    refreshed(processor, [change("ask 2", person=None, kind=ChangeType.REFRESH_REQUESTED)])

    found = told(database_url)
    assert before == 0
    assert [line["kind"] for said in found for line in said["settings_changes"]] == []
    with psycopg.connect(database_url) as connection:
        heads = connection.execute("SELECT DISTINCT policy_version FROM buyer_group_head_history ORDER BY 1").fetchall()
    assert heads == [(0,), (1,)]


def test_the_same_inputs_again_tell_nothing(processor: Processor, database_url: str) -> None:
    """The same changes once more, a refresh without news: as many messages as before, to the byte."""
    refreshed(processor, [])
    before = told(database_url)
    again = log_of([*ROSTER, *(change(f"ask {n}", person=None, kind=ChangeType.REFRESH_REQUESTED) for n in range(3))])
    end = max(p.next_offset for p in processor.store.positions("memory", range(4)).values())
    later = [
        record._replace(offset=end + number, timestamp=NOW + 60_000 + number * STEP_MS)
        for number, record in enumerate(again)
    ]
    (result,) = consume(processor, later)

    assert result.outcomes["duplicate"] == 3
    assert result.refreshes == 3
    assert told(database_url) == before
