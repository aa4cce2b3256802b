"""What is due is found by one index, however many companies there are."""

import json
from typing import Any

import psycopg
import pytest

from db.sql import load

COMPANIES = 20_000
PENDING = 400


@pytest.fixture
def many(database_url: str) -> str:
    """Many companies on four partitions, of which few wait for a refresh."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            INSERT INTO companies (company_id, kafka_partition, revision, pending_count, pending_since, refresh_due_at)
            SELECT 'c' || n, n %% 4, 1, (n <= %(pending)s)::int, CASE WHEN n <= %(pending)s THEN from_ms(n) END,
                   CASE WHEN n <= %(pending)s THEN from_ms(n + 3600000) END
            FROM generate_series(1, %(companies)s) AS n
            """,
            {"pending": PENDING, "companies": COMPANIES},
        )
        connection.execute("ANALYZE companies")
    return database_url


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a plan."""
    return [plan, *(node for part in plan.get("Plans", ()) for node in nodes(part))]


@pytest.mark.parametrize(
    ("query", "parameters", "most"),
    [
        ("read_next_due", {"kafka_partition": "{0,1,2,3}"}, 1),
        ("read_due", {"kafka_partition": "{0,1}", "log_time": "{3600009,3600009}", "limit": 100}, 4),
    ],
)
def test_only_what_is_due_is_looked_at(many: str, query: str, parameters: dict[str, Any], most: int) -> None:
    """By the index of what is due, a few rows a partition; nothing else of the companies is read."""
    with psycopg.connect(many) as connection:
        explain = b"EXPLAIN (ANALYZE, FORMAT JSON) " + load("store")[query].encode()
        (([found],),) = connection.execute(explain, parameters).fetchall()
    plan = found if isinstance(found, dict) else json.loads(found)
    reads = [node for node in nodes(plan["Plan"]) if node.get("Relation Name") == "companies"]

    assert reads
    assert {node.get("Index Name") for node in reads} == {"companies_due"}
    assert all(node["Actual Rows"] <= most for node in reads)
