"""`operations list`: what pipelines ran, how it ended, and why it failed."""

import json

import psycopg
import pytest
from typer.testing import CliRunner

from cli.main import app

pytestmark = pytest.mark.servers


@pytest.fixture
def runs(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three runs of a pipeline, and one of the consumer's own step."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute("""
            INSERT INTO pipeline_operations
                (company_id, step, idempotency_key, input_hash, status, error, duration_ms, attempts, created_at,
                 finished_at)
            VALUES ('c1', 'nightly.save_buyer_group', 'r1', 'h', 'succeeded', NULL, 1500, 2, from_ms(1000),
                    from_ms(2500)),
                   ('c2', 'nightly.resolve_company', 'r1', 'h', 'failed', 'OSError: \x1b[31mfull', 3, 1, from_ms(2000),
                    from_ms(2003)),
                   ('c3', 'nightly.resolve_company', 'r1', 'h', 'running', NULL, NULL, 1, from_ms(3000), NULL),
                   ('c1', 'save_buyer_group', 'default:5', 'h', 'succeeded', NULL, 1, 1, from_ms(4000), NULL)
        """)


def _list(*words: str) -> str:
    result = CliRunner().invoke(app, ["operations", "list", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.usefixtures("runs")
def test_runs_are_listed_the_latest_first() -> None:
    """With what a person needs to see; what errors say does not steer the terminal."""
    lines = _list().splitlines()

    assert [line.split()[:5] for line in lines[1:]] == [
        ["1970-01-01T00:00:03.000Z", "nightly.resolve_company", "c3", "r1", "running"],
        ["1970-01-01T00:00:02.000Z", "nightly.resolve_company", "c2", "r1", "failed"],
        ["1970-01-01T00:00:01.000Z", "nightly.save_buyer_group", "c1", "r1", "succeeded"],
    ]
    assert "OSError: \N{REPLACEMENT CHARACTER}[31mfull" in lines[2]
    assert lines[3].split()[5:] == ["2", "1.5", "s"]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--status", "failed"], [("c2", "nightly.resolve_company")]),
        (["--step", "nightly.save_buyer_group"], [("c1", "nightly.save_buyer_group")]),
        (["--company", "c1"], [("c1", "save_buyer_group"), ("c1", "nightly.save_buyer_group")]),
        (["--company", "c1", "--status", "failed"], []),
        (["--limit", "1"], [("c3", "nightly.resolve_company")]),
    ],
)
def test_runs_are_chosen(words: list[str], found: list[tuple[str, str]]) -> None:
    """By company, with the consumer's own step; by step; by what they are."""
    assert [(run["companyId"], run["step"]) for run in json.loads(_list(*words, "--json"))] == found


@pytest.mark.usefixtures("runs")
def test_a_run_is_whole_as_json() -> None:
    """For programs."""
    assert json.loads(_list("--json"))[1] == {
        "companyId": "c2",
        "step": "nightly.resolve_company",
        "key": "r1",
        "status": "failed",
        "attempts": 1,
        "error": "OSError: \x1b[31mfull",
        "durationMs": 3,
        "beganAt": "1970-01-01T00:00:02.000Z",
        "finishedAt": "1970-01-01T00:00:02.003Z",
    }


def test_that_nothing_ran_is_said(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not an empty table."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert _list() == "no runs\n"
