"""L6: what a group was at a log time is what a fold of the log, cut at that time, makes of it."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import psycopg
import pytest

from consumers.runtime.processor import Processor
from consumers.runtime.records import Record
from consumers.workspaces.document import PolicyDocument
from db.reads import GroupView, PastGroupView, Reads
from schemas.topics import TICK_TYPE
from tests.support.changes import NOW, change, random_log
from tests.support.consumption import PARTITIONS, consume, log_of, processor_for

CHANGES, STEP_MS, CUTS = 500, 7, 25
END = NOW + CHANGES * STEP_MS + 5000
POLICIES: list[tuple[str, int, dict[str, Any]]] = [
    ("west", 1, {"departments": {"primary": ["it"], "blocking": []}}),
    ("default", 1000, {"departments": {"primary": ["finance", "sales"]}, "required": [{"role": "decision_maker"}]}),
    ("west", 1500, {"companies": {"track": False}}),
    ("west", 2500, {"departments": {"primary": ["executive"]}}),
]
"""Workspace, ms after the log's beginning, and what counts there from then on."""
Groups = dict[tuple[str, str], tuple[Any, ...]]


def with_ticks(records: list[Record], times: list[int]) -> list[Record]:
    """The log, in which at each of these times every partition hears how late it is."""
    tick = [("ce_type", TICK_TYPE.encode())]
    ticks = [Record(p, 0, at, None, b"tick", tick) for at in times for p in range(PARTITIONS)]
    ends, numbered = [0] * PARTITIONS, []
    for record in sorted([*records, *ticks], key=lambda r: r.timestamp):
        numbered.append(record._replace(offset=ends[record.partition]))
        ends[record.partition] += 1
    return numbered


def folding(database_url: str) -> Processor:
    """A consumer with two workspaces, whose policies change amid the log, and an hour of a second."""
    with psycopg.connect(database_url) as connection:
        for number, (workspace, at, parts) in enumerate(POLICIES):
            version = 1 + sum(name == workspace for name, *_ in POLICIES[:number])
            policy = PolicyDocument.model_validate({"workspace": workspace, **parts}).stored()
            connection.execute(
                "INSERT INTO workspaces (workspace_id, version, counts_from, policy) VALUES (%s, %s, from_ms(%s), %s)",
                (workspace, version, NOW + at, policy),
            )
    return processor_for(database_url, refresh_interval_seconds=1)


def current(database_url: str) -> Groups:
    """All groups as they are."""
    with psycopg.connect(database_url) as connection:
        keys = connection.execute("SELECT workspace_id, company_id FROM buyer_groups").fetchall()
    return asyncio.run(_read(database_url, keys, lambda reads, key: reads.group(*key)))


def past(database_url: str, at: int, keys: list[tuple[str, str]]) -> Groups:
    """These groups as they were; those that were not there yet are left out."""
    return asyncio.run(_read(database_url, keys, lambda reads, key: reads.past_group(*key, at)))


async def _read(url: str, keys: list[tuple[str, str]], ask: Callable[[Reads, tuple[str, str]], Any]) -> Groups:
    async with Reads(url) as reads:
        found = {key: await ask(reads, key) for key in keys}
    return {key: _content(view) for key, view in found.items() if view is not None}


def _content(view: GroupView | PastGroupView) -> tuple[Any, ...]:
    members = [{name: value for name, value in asdict(m).items() if name != "also_known_as"} for m in view.members]
    head = (view.version, view.policy_version, view.refreshed_at, view.changed_at, view.completeness, view.missing)
    return (*head, members)


@pytest.mark.parametrize("seed", range(4))
def test_a_group_as_of_a_time_is_that_of_the_log_cut_there(make_database: Callable[[], str], seed: int) -> None:
    """Members with all that they were, version, policy and times; in two workspaces, whatever the batches."""
    rng = random.Random(seed)
    records = log_of(random_log(seed, CHANGES, companies=8), STEP_MS)
    cuts = sorted([*rng.sample(range(NOW, END), CUTS), END])

    cut, whole = make_database(), make_database()
    snapshots: dict[int, Groups] = {}
    with (processor := folding(cut)).store:
        log = with_ticks(records, cuts)
        for at in cuts:
            consume(processor, [record for record in log if record.timestamp <= at])
            snapshots[at] = current(cut)
    with (processor := folding(whole)).store:
        consume(processor, with_ticks(records, [END]), [rng.randrange(1, 200) for _ in range(20)])

    keys = [*snapshots[END]]
    assert len(keys) == 16
    assert past(whole, NOW - 1, keys) == {}
    for at in cuts:
        assert past(whole, at, keys) == snapshots[at], f"seed {seed}, {at - NOW} ms after the log's beginning"
    assert current(whole) == snapshots[END]
    assert len({str(members) for groups in snapshots.values() for *_, members in groups.values()}) > 2 * len(keys)
    assert {head[1] for groups in snapshots.values() for head in groups.values()} == {0, 1, 2, 3}


def test_what_is_no_version_is_history_all_the_same(database_url: str) -> None:
    """A spelling that changes alone tells nobody, but is what the group was from then on; what stays is no row."""
    said = [
        change("e1", title="CRO"),
        change("e2", title="Chief Revenue Officer", occurred_at=NOW + 1),
        change("e3", title=None, occurred_at=NOW + 2, industry="Testing"),
    ]
    with (processor := processor_for(database_url, refresh_interval_seconds=1)).store:
        consume(processor, log_of(said, 2000), [1, 1, 1])

    def titles(at: int) -> list[str | None]:
        ((*_, members),) = past(database_url, at, [("default", "acme")]).values()
        return [member["title"] for member in members]

    assert [titles(NOW + n * 2000) for n in range(3)] == [["CRO"], *[["Chief Revenue Officer"]] * 2]
    with psycopg.connect(database_url) as connection:
        rows = [
            connection.execute(f"SELECT count(*) FROM {table} WHERE workspace_id = 'default'".encode()).fetchone()  # noqa: S608
            for table in ("buyer_group_head_history", "buyer_group_member_history", "outbox")
        ]
    assert rows == [(2,), (2,), (1,)]
