"""Migrations: in order, once, whoever starts them; and the views that others rely on."""

import threading
from urllib.parse import quote

import psycopg
import pytest

from db.migrate import MigrationError, migrate, migrations

VIEWS = {
    "roster": "company_id person_id name title seniority function department email linkedin_url country since",
    "groups": "workspace_id company_id version refreshed_at person_id name title role score why",
    "outcomes": "company_id source event_id outcome reason log_time",
}
TABLES = """
    webhook_events buyer_group_refresh_logs pipeline_operations companies people employments workspaces buyer_groups
    buyer_group_members buyer_group_changes buyer_group_head_history buyer_group_member_history outbox
    consumer_positions dead_letters
    role_choices parked_hints company_aliases webhook_dead_letters api_tokens idempotency_keys opt_outs opt_out_places
    erasure_searches
"""


def test_a_second_run_does_nothing(database_url: str) -> None:
    """The first one was the fixture's."""
    assert migrate(database_url) == []


def test_processes_that_migrate_at_once_apply_each_migration_once(server_database_url: str) -> None:
    """A deployment starts several of everything."""
    with psycopg.connect(server_database_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA many_at_once")
    separator = "&" if "?" in server_database_url else "?"
    url = f"{server_database_url}{separator}options={quote('-c search_path=many_at_once')}"
    applied: list[str] = []
    threads = [threading.Thread(target=lambda: applied.extend(migrate(url))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with psycopg.connect(server_database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA many_at_once CASCADE")
    assert sorted(applied) == [migration.name for migration in migrations()]


def test_a_migration_whose_text_changed_is_refused_by_name(database_url: str) -> None:
    """A released migration is history."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE schema_migrations SET checksum = 'another' WHERE version = 1")

    with pytest.raises(MigrationError, match="0001_initial was applied with another text"):
        migrate(database_url)


def test_a_database_of_newer_code_is_refused(database_url: str) -> None:
    """Old code must not write into tables it does not know."""
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, 'future', 'x')")

    with pytest.raises(MigrationError, match=r"9999.*run newer code"):
        migrate(database_url)


def test_numbers_are_unique_and_without_gaps() -> None:
    """The number is the order."""
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize("view", VIEWS)
def test_the_views_keep_their_columns(database_url: str, view: str) -> None:
    """Other services read them: name and order are a contract."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(f"SELECT * FROM {view}".encode()).description  # noqa: S608  # the test's own

    assert [column.name for column in found or ()] == VIEWS[view].split()


def test_every_table_of_the_design_is_there(database_url: str) -> None:
    """And nothing else but the ledger."""
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        ).fetchall()

    assert {name for (name,) in found} == {*TABLES.split(), "schema_migrations"}


def test_tables_that_grow_with_the_log_lead_their_keys_with_the_company(database_url: str) -> None:
    """So that they can be sharded by company later; the others do not grow with companies, or name none yet."""
    with psycopg.connect(database_url) as connection:
        keys = connection.execute("""
            SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            JOIN pg_namespace n ON n.oid = c.connamespace
            WHERE c.contype = 'p' AND n.nspname = current_schema()
        """).fetchall()

    others = {table for table, column in keys if column != "company_id"}
    assert others == {
        *("consumer_positions", "dead_letters", "workspaces", "schema_migrations"),
        *("parked_hints", "company_aliases", "webhook_dead_letters"),
        *("api_tokens", "idempotency_keys", "opt_outs", "erasure_searches"),
    }
