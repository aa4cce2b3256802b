"""What the documentation says of the HTTP side, against the code."""

import re
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from db.settings import DatabaseSettings
from ingress.api_operations import OPERATIONS
from ingress.problems import TABLE
from ingress.settings import IngressSettings
from schemas.settings import KafkaSettings

ROOT = Path(__file__).parents[1]
API = (ROOT / "docs" / "api.md").read_text()
RUNNING = (ROOT / "docs" / "operations.md").read_text()


def test_every_problem_is_explained_with_its_status() -> None:
    """A reader who meets one finds it, and finds no other."""
    table = re.findall(r"^\| (\d{3}) \| (`[^|]+) \|", API, re.MULTILINE)
    found = {code: int(status) for status, codes in table for code in re.findall(r"`([a-z-]+)`", codes)}

    assert found == {code: status for code, (status, _) in TABLE.items()}


def test_every_route_is_listed() -> None:
    """With its whole address."""
    assert [operation.path for operation in OPERATIONS if f"{operation.path}`" not in API] == []


def test_every_setting_of_the_ingress_is_explained_with_its_default() -> None:
    """Besides those of Kafka and the database, which all processes share."""
    others = {*KafkaSettings.model_fields, *DatabaseSettings.model_fields}
    own = {name: known for name, known in IngressSettings.model_fields.items() if name not in others}
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \| ([^|]+) \|", RUNNING, re.MULTILINE)
    said = {
        name: default
        for names, defaults in rows
        for name, default in zip(re.findall(r"`(\w+)`", names), re.split(r", ", defaults), strict=True)
    }

    assert {name.lower() for name in said} == set(own)
    for name, default in said.items():
        expected = own[name.lower()].default
        spelled = default.strip("` ")
        assert spelled == "none" if expected is None or own[name.lower()].is_required() else _same(spelled, expected)


def _same(spelled: str, expected: object) -> bool:
    return spelled == expected if isinstance(expected, str) else float(spelled) == expected


def test_the_commands_that_it_shows_are_there() -> None:
    """With the options that it shows."""
    for words in re.findall(r"^person-changes (token \w+)(.*)$", API, re.MULTILINE):
        help_text = CliRunner().invoke(app, [*words[0].split(), "--help"], env={"COLUMNS": "200"}).output
        for option in re.findall(r"--\w+", words[1]):
            assert option in help_text
