"""`group show`: who is in a buyer group, and why."""

import json

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app

pytestmark = pytest.mark.servers


@pytest.fixture
def company(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A company with a group of two, one of whom has no name but an evil title."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with psycopg.connect(database_url) as conn:
        conn.execute("""
            INSERT INTO companies (company_id, name, domain, industry, employee_count, last_refresh_at, refresh_due_at,
                                   pending_since, pending_count, kafka_partition, revision)
            VALUES ('c1', 'Test Company', 'test.example', 'Testing', 50, from_ms(1000), from_ms(3601000),
                    from_ms(61000), 2, 0, 3)
        """)
        conn.execute("INSERT INTO buyer_groups VALUES ('c1', 'default', 4, from_ms(1000), from_ms(500), 0)")
        conn.execute("""
            INSERT INTO buyer_group_members VALUES
                ('c1', 'default', 'p1', 'decision_maker', 'John Doe', 'CRO', 'c_level', 'sales', 95, 'leads sales'),
                ('c1', 'default', 'p2', 'champion', NULL, E'VP \\x1b[31mSales [red]', 'vp', 'sales', 70, 'sells')
        """)
        conn.execute("""
            INSERT INTO employments (company_id, person_id, present, present_stamp, first_seen_at, canonical_id)
            VALUES ('c1', 'p1', true, '1', now(), 'p1'), ('c1', 'acme:7', true, '1', now(), 'p1')
        """)
    return "c1"


def _show(*words: str) -> Result:
    return CliRunner().invoke(app, ["group", "show", *words])


def test_the_members_are_shown_with_role_and_reason(company: str) -> None:
    """People see who is in it, in which role, with what score, and why."""
    result = _show(company)

    assert result.exit_code == 0
    assert "Test Company (c1), test.example, Testing, 50 employees" in result.stdout
    assert "version 4" in result.stdout
    for word in ("decision_maker", "John Doe", "CRO", "c_level", "95", "leads sales", "p2", "also acme:7"):
        assert word in result.stdout


def test_times_are_iso_in_utc_and_what_is_pending_is_told(company: str) -> None:
    """Freshness reads the same everywhere; changes that wait say which refresh covers them."""
    text = _show(company).stdout

    assert "refreshed 1970-01-01T00:00:01.000Z, changed 1970-01-01T00:00:00.500Z" in text
    assert (
        "pending: 2 changes since 1970-01-01T00:01:01.000Z, covered by the refresh at 1970-01-01T01:00:01.000Z" in text
    )


def test_what_providers_write_does_not_steer_the_terminal(company: str) -> None:
    """Control characters are shown as such, and square brackets are text."""
    text = _show(company).stdout

    assert "\x1b" not in text
    assert "Sales [red]" in text


def test_json_is_the_whole_group(company: str) -> None:
    """Programs get every field, times in ISO 8601."""
    document = json.loads(_show(company, "--json").stdout)

    assert document["workspaceId"] == "default"
    assert document["company"]["employeeCount"] == 50
    assert document["version"] == 4
    assert document["pending"]["refreshDueAt"] == "1970-01-01T01:00:01.000Z"
    assert {
        "personId": "p1",
        "role": "decision_maker",
        "name": "John Doe",
        "title": "CRO",
        "seniority": "c_level",
        "function": "sales",
        "score": 95,
        "why": "leads sales",
        "rule": "unknown",
        "ownRole": None,
        "setBy": None,
        "confidence": 0,
        "alsoKnownAs": ["acme:7"],
    } in document["members"]


@pytest.mark.parametrize("words", [("nobody",), ("c1", "--workspace", "another")])
def test_a_group_that_is_not_there_is_a_sentence(words: tuple[str, ...], company: str) -> None:
    """Exit code 1, and what was looked for."""
    result = _show(*words)

    assert company == "c1"
    assert result.exit_code == 1
    assert f"no buyer group of company {words[0]}" in result.stderr
    assert result.stdout == ""
