"""The digest: every table is in it or said not to be, and it counts what the log says, nothing else."""

from collections.abc import Callable
from urllib.parse import quote

import psycopg
import pytest

from db.comparison import Difference, compare
from db.digest import KEPT, STATES, TABLES, digest, image
from tests.support.changes import random_log
from tests.support.consumption import consume, log_of, processor_for


@pytest.fixture
def filled(database_url: str) -> str:
    """A database with a log folded into it."""
    processor = processor_for(database_url)
    with processor.store:
        broken = log_of(random_log(4, 3, 1))[0]._replace(value=b"?")
        consume(processor, [broken, *(r._replace(offset=r.offset + 1) for r in log_of(random_log(3, 200, 8)))])
    return database_url


def execute(database_url: str, text: str) -> list[tuple[str, ...]]:
    """Rows of a statement."""
    with psycopg.connect(database_url) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


def test_every_table_is_made_by_the_log_or_said_not_to_be(database_url: str) -> None:
    """A table that is added must be named in db/digest.py: rebuilds would leave it as it was."""
    found = execute(database_url, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")

    assert {name for (name,) in found} == {table.name for table in TABLES} | KEPT


def test_keys_are_the_tables_own(database_url: str) -> None:
    """A promotion finds rows by them."""
    for table in TABLES:
        found = execute(
            database_url,
            f"""SELECT a.attname
                FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                WHERE i.indrelid = '{table.name}'::regclass AND i.indisprimary""",  # noqa: S608  # the test's own
        )
        assert {name for (name,) in found} == set(table.key), table.name


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE buyer_group_refresh_logs SET started_at = now(), finished_at = now()",
        "UPDATE pipeline_operations SET duration_ms = 1, created_at = now()",
        "UPDATE dead_letters SET created_at = now(), status = 'retried', settled_at = now()",
        "UPDATE dead_letters SET key = NULL, value = NULL, headers = '[]', reason = 'its person opted out'",
        "UPDATE consumer_positions SET epoch = 7, wrong_partition = 9",
        "INSERT INTO pipeline_operations VALUES ('x', 'their_step', 'k', 'h', 'succeeded', NULL, 1)",
    ],
)
def test_clocks_and_what_people_decide_do_not_count(filled: str, statement: str) -> None:
    """Two folds of one log differ in them."""
    before = digest(filled)

    execute(filled, statement)

    assert digest(filled) == before


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        (
            "companies",
            "UPDATE companies SET revision = revision + 1",
        ),
        ("people", "UPDATE people SET name_stamp = name_stamp || 'x'"),
        ("webhook_events", "UPDATE webhook_events SET log_time = log_time + interval '1 ms'"),
        ("buyer_group_changes", "UPDATE buyer_group_changes SET event_ids = event_ids || 'x'::text"),
        ("dead_letters", "UPDATE dead_letters SET company_id = 'another'"),
        ("consumer_positions", "UPDATE consumer_positions SET tick = tick + 1, consumed = consumed + 1"),
        ("outbox", "DELETE FROM outbox WHERE version = 1"),
    ],
)
def test_everything_else_counts(filled: str, table: str, statement: str) -> None:
    """One value of one row, and the digest of its table is another one; the others are as they were."""
    before = digest(filled)

    execute(filled, statement)

    after = digest(filled)
    assert {name for name in before if before[name] != after[name]} == {table}


def test_the_digest_does_not_know_where_it_is_asked(filled: str) -> None:
    """Neither time zone nor formats of the session matter."""
    options = " -c TimeZone=Asia/Tokyo -c bytea_output=escape -c DateStyle=German"
    elsewhere = filled + quote(options)

    assert execute(elsewhere, "SHOW TimeZone") == [("Asia/Tokyo",)]
    assert digest(elsewhere) == digest(filled)


def test_differences_are_named_by_row(filled: str, make_database: Callable[[], str]) -> None:
    """Company, key and both rows; no more than asked for, while the count is of all."""
    other = make_database()
    with image(filled) as live, image(other) as log:
        found = compare(live, log, STATES, 2)
        assert compare(live, live, STATES, 2).equal

    assert not found.equal
    assert found.parts["companies"] == found.live["companies"].rows > 2
    assert len(found.first) == 2
    first = found.first[0]
    assert isinstance(first, Difference)
    assert (first.table, first.key, first.log) == ("companies", {"company_id": first.part}, None)
    assert first.live is not None
    assert first.live["company_id"] == first.part
