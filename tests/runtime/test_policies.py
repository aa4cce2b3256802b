"""Policy versions while changes flow: the log's time decides which one counts, nothing else."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from consumers.runtime.processor import Processor
from consumers.workspaces.document import PolicyDocument
from db.digest import digest
from db.policies import OtherVersionError, PolicyStore
from schemas.events import ChangeType, Movement
from tests.support.changes import NOW, change, random_log
from tests.support.consumption import consume, log_of, processor_for


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """On this test's database; refreshes may follow each other at once."""
    made = processor_for(database_url, refresh_interval_seconds=0.001)
    with made.store:
        yield made


def append(url: str, workspace: str, version: int, counts_from: int, **parts: Any) -> None:
    """A policy version that counts from a log time."""
    document = PolicyDocument.model_validate({"workspace": workspace, **parts})
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO workspaces (workspace_id, version, counts_from, policy) VALUES (%s, %s, from_ms(%s), %s)",
            (workspace, version, counts_from, document.stored()),
        )


def query(url: str, text: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(url) as connection:
        return connection.execute(text.encode()).fetchall()


def versions(url: str) -> set[tuple[str, int]]:
    """Which policy version made the groups of each workspace."""
    return set(query(url, "SELECT workspace_id, policy_version FROM buyer_groups"))


SECURITY = {"departments": {"primary": ["security"], "blocking": []}, "required": [{"role": "decision_maker"}]}


def test_each_workspace_has_a_group_by_its_own_policy(processor: Processor, database_url: str) -> None:
    """A chief of sales decides for one, and introduces for the other, whose group is incomplete."""
    append(database_url, "secure", 1, NOW, **SECURITY)
    consume(processor, log_of([change()]))

    members = "SELECT workspace_id, role, rule FROM buyer_group_members ORDER BY 1"
    assert query(database_url, members) == [
        ("default", "decision_maker", "primary-leads"),
        ("secure", "introducer", "sellers-introduce"),
    ]
    heads = "SELECT workspace_id, policy_version, completeness, missing FROM buyer_groups ORDER BY 1"
    assert query(database_url, heads) == [
        ("default", 0, 50, ["champion"]),
        ("secure", 1, 0, ["decision_maker"]),
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_policy_change_in_the_middle_is_the_same_in_every_batch_split(
    make_database: Callable[[], str], seed: int
) -> None:
    """L6: versions that begin to count amid the log give the same digest, one record a batch or all at once."""
    log, digests = log_of(random_log(seed, 400, companies=15), step_ms=40), []
    for sizes in ([], [1] * 400, [7] * 60):
        url = make_database()
        append(url, "secure", 1, NOW + 4_000, **SECURITY)
        append(url, "default", 1, NOW + 8_000, deal={"size": 900_000})
        append(url, "secure", 2, NOW + 12_000, companies={"employees_from": 100})
        made = processor_for(url, refresh_interval_seconds=1, due_limit=3)
        with made.store:
            consume(made, log, sizes)
        digests.append(digest(url))
        assert {("secure", 2), ("default", 1)} <= versions(url)

    assert digests[0] == digests[1] == digests[2]


def test_a_version_that_is_appended_while_changes_flow_counts_for_all(processor: Processor, database_url: str) -> None:
    """Two consumers that were at work before, each with its own memory: both know it when it counts, not before."""
    other = processor_for(database_url, refresh_interval_seconds=0.001)
    changes = [change(f"e{n}", f"c{n}") for n in range(4)]
    log = log_of(changes, step_ms=1000)
    with other.store:
        consume(processor, log[:1])
        consume(other, log[:2])
        append(database_url, "secure", 1, log[3].timestamp, **SECURITY)
        consume(processor, log[:3])
        consume(other, log)

    found = query(database_url, "SELECT company_id FROM buyer_groups WHERE workspace_id = 'secure'")
    assert found == [((log[3].key or b"").decode(),)]


def test_what_is_tracked_no_more_has_an_empty_group(processor: Processor, database_url: str) -> None:
    """At its next refresh everybody is removed; a company that was never tracked has no group at all."""
    append(database_url, "few", 1, NOW, companies={"ids": ["acme"]})
    append(database_url, "few", 2, NOW + 1500, companies={"track": False})
    again = change("e3", kind=ChangeType.REFRESH_REQUESTED, person=None)
    consume(processor, log_of([change("e1"), change("e2", "other"), again], step_ms=1000))

    heads = "SELECT company_id, version, policy_version FROM buyer_groups WHERE workspace_id = 'few'"
    assert query(database_url, heads) == [("acme", 2, 2)]
    lines = "SELECT kind, person_id FROM buyer_group_changes WHERE workspace_id = 'few' ORDER BY version"
    assert query(database_url, lines) == [("joined", "p1"), ("removed", "p1")]
    assert query(database_url, "SELECT count(*) FROM buyer_group_members WHERE workspace_id = 'few'") == [(0,)]


def test_nothing_is_read_twice(processor: Processor) -> None:
    """A batch with no new version parses none: the policies stay the very same value."""
    consume(processor, log_of([change("e1")]))
    before = processor.policies
    append(processor.settings.database_url.get_secret_value(), "late", 1, NOW + 10**9)
    consume(processor, log_of([change("e1"), change("e2", movement=Movement.LEFT)]))
    after = processor.policies
    consume(processor, log_of([change("e1"), change("e2", movement=Movement.LEFT), change("e3")]))

    assert before.versions == {}
    assert [*after.versions] == ["late"]
    assert processor.policies is after


def test_versions_are_appended_in_order_and_stay(database_url: str) -> None:
    """Each counts after all that was folded, and after the one before; whoever was overtaken hears it."""
    text = PolicyDocument(workspace="w").stored()
    with psycopg.connect(database_url) as connection:
        late = "INSERT INTO consumer_positions (topic, kafka_partition, next_offset, log_time) VALUES ('t', 0, 0, %s)"
        connection.execute(late, ("2100-01-01 00:00:00+00",))
    with PolicyStore(database_url) as store:
        one = store.append("w", text, "ann", 5000, after=0)
        two = store.append("w", text, None, 0, after=1)
        other = store.append("v", text, None, 0, after=0)
        with pytest.raises(OtherVersionError, match="another version than 1"):
            store.append("w", text, None, 0, after=1)
        assert [(row.workspace_id, row.version, row.created_by) for row in store.versions()] == [
            ("v", 1, None),
            ("w", 1, "ann"),
            ("w", 2, None),
        ]
    assert one.counts_from == 4_102_444_805_000
    assert (two.version, two.counts_from) == (2, one.counts_from)
    assert one.number < two.number < other.number
    for text in ("UPDATE workspaces SET version = 9", "DELETE FROM workspaces"):
        with pytest.raises(psycopg.errors.RaiseException, match="stays as it is"):
            query(database_url, text)
