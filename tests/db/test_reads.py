"""The read side: what the HTTP side and the command line are told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest

from db.errors import RetryableDatabaseError
from db.reads import GroupView, Reads
from db.rows import EventKey

T = TypeVar("T")


def ask(database_url: str, question: Callable[[Reads], Awaitable[T]]) -> T:
    """One question in an event loop of its own."""

    async def run() -> T:
        async with Reads(database_url, statement_timeout_seconds=1) as reads:
            return await question(reads)

    return asyncio.run(run())


@pytest.fixture
def filled(database_url: str) -> str:
    """A company with a group of four, and one with a group that never had anybody."""
    with psycopg.connect(database_url) as connection:
        for company in ("acme", "empty"):
            connection.execute(
                "INSERT INTO companies (company_id, name, last_refresh_at, kafka_partition, revision)"
                " VALUES (%s, 'Acme', from_ms(5), 0, 1)",
                (company,),
            )
            connection.execute(
                "INSERT INTO buyer_groups VALUES (%s, 'default', 2, from_ms(5), from_ms(4), 0)", (company,)
            )
        connection.execute("""
            INSERT INTO buyer_group_members (company_id, workspace_id, person_id, role, score, why) VALUES
                ('acme', 'default', 'p1', 'blocker', 99, 'w'), ('acme', 'default', 'p2', 'champion', 50, 'w'),
                ('acme', 'default', 'p4', 'champion', 60, 'w'), ('acme', 'default', 'p3', 'champion', 60, 'w'),
                ('acme', 'default', 'p5', 'decision_maker', 10, 'w')
        """)
        connection.execute("""
            INSERT INTO webhook_events (company_id, source, event_id, type, occurred_at, received_at, log_time, outcome,
                                        kafka_partition, kafka_offset)
            VALUES ('acme', 's', 'e1', 't', now(), now(), now(), 'refreshed', 0, 0)
        """)
    return database_url


def test_members_are_ordered_by_role_score_and_id(filled: str) -> None:
    """The most important first; a tie is always broken the same way."""
    view = ask(filled, lambda reads: reads.group("default", "acme"))

    assert isinstance(view, GroupView)
    assert [member.person_id for member in view.members] == ["p5", "p3", "p4", "p2", "p1"]
    assert (view.version, view.refreshed_at, view.changed_at, view.pending_count) == (2, 5, 4, 0)


def test_a_group_without_members_is_a_group(filled: str) -> None:
    """Which is another answer than no group at all, in another workspace or of another company."""
    view = ask(filled, lambda reads: reads.group("default", "empty"))

    assert view is not None
    assert view.members == ()
    assert ask(filled, lambda reads: reads.group("other", "acme")) is None
    assert ask(filled, lambda reads: reads.group("default", "unknown")) is None


def test_known_events_are_those_in_the_inbox(filled: str) -> None:
    """Many at once, in one round trip."""
    known, *unknown = [EventKey("acme", "s", "e1"), EventKey("acme", "t", "e1"), EventKey("b", "s", 'e"1\\')]

    assert ask(filled, lambda reads: reads.known_events([known, *unknown])) == {known}


def test_a_database_that_is_away_is_told_in_time() -> None:
    """Not after minutes, and by the error that callers know."""
    with pytest.raises(RetryableDatabaseError):
        ask("postgresql://127.0.0.1:1/none", lambda reads: reads.known_events([EventKey("a", "b", "c")]))
