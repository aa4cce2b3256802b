"""`group history`, `group explain` and `group show --as-of`: what happened, why, and what was."""

import json
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.group_view import show_history
from cli.main import app
from db.views import HistoryLine, VersionView
from schemas.events import Company, Movement
from tests.support.changes import NOW, change
from tests.support.consumption import consume, log_of, processor_for

pytestmark = pytest.mark.servers

STEP_MS = 2000
FIRST, LAST = "2025-10-09T08:53:20Z", "2025-10-09T08:53:26Z"


@pytest.fixture
def company(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Ann sells, rises, and leaves for Globex; Bob is an intern."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    left = change("e4", person="ann", movement=Movement.LEFT, occurred_at=NOW + 4)
    changes = [
        change("e1", person="ann", title="Sales Manager", name="Acme"),
        change("e2", person="bob", title="Marketing Intern", occurred_at=NOW + 2),
        change("e3", person="ann", title="VP Sales", occurred_at=NOW + 3, source="crm"),
        replace(left, other_company=Company("globex", "Globex")),
    ]
    with (processor := processor_for(database_url, refresh_interval_seconds=1)).store:
        consume(processor, log_of(changes, STEP_MS))
    return "acme"


def run(*words: str) -> Result:
    """A command of `group`."""
    return CliRunner().invoke(app, ["group", *words], env={"COLUMNS": "200"})


def document(*words: str) -> Any:
    """The same as JSON."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_history_says_what_changed_why_and_after_which_changes(company: str) -> None:
    """The newest version first; who it was, from what to what."""
    text = run("history", company).stdout

    heads = [line for line in text.splitlines() if line.startswith("version")]
    assert [head.split(",")[0] for head in heads] == ["version 3", "version 2", "version 1"]
    assert heads[1].endswith("policy version 0, after e3")
    for words in (
        ("promoted", "Name of ann", "manager", "vp", "Sales Manager is VP Sales now"),
        ("joined", "champion"),
    ):
        assert any(all(word in line for word in words) for line in text.splitlines()), words


def test_history_can_be_narrowed(company: str) -> None:
    """One person, from a time on, at most so many."""
    assert [v["version"] for v in document("history", company, "--limit", "2")["versions"]] == [3, 2]
    assert [v["version"] for v in document("history", company, "--since", LAST)["versions"]] == [3]
    one = document("history", company, "--person", "ann")["versions"]
    assert {line["personId"] for version in one for line in version["changes"]} == {"ann"}
    assert document("history", company, "--person", "nobody")["versions"] == []


def test_a_group_is_shown_as_it_was(company: str) -> None:
    """Members of then, with level and title of then; before the first refresh there was none."""
    text = run("show", company, "--as-of", FIRST).stdout
    assert "version 1, 1 member" in text
    assert "Sales Manager" in text
    assert document("show", company, "--as-of", "2025-10-09T08:53:24Z")["members"][0]["title"] == "VP Sales"
    early = run("show", company, "--as-of", "2020-01-01")
    assert (early.exit_code, early.stdout) == (1, "")
    assert "had no buyer group" in early.stderr


def test_it_is_explained_who_said_what_and_which_rule_decided(company: str) -> None:
    """Of somebody who is in no group: field by field, and the rule that refused."""
    said = document("explain", company, "bob")

    assert said["verdict"].startswith("no member")
    assert said["members"] == []
    title = next(word for word in said["known"] if word["field"] == "title")
    assert (title["value"], title["source"], title["eventId"]) == ("Marketing Intern", "test", "e2")
    assert said["reading"]["seniority"] == "training"
    assert said["rules"]
    text = run("explain", company, "bob").stdout
    for word in (
        "Name of bob (bob) at acme",
        "what is known",
        "Marketing Intern",
        "e2",
        "title read from",
        "rules tried",
    ):
        assert word in text


def test_who_left_is_explained_with_what_happened(company: str) -> None:
    """No member now; how they came, rose and went; and what they were at a time."""
    said = document("explain", company, "ann")
    assert (said["present"], said["verdict"]) == (False, "no member: works here no more")
    kinds = [line["kind"] for version in said["history"] for line in version["changes"]]
    assert kinds[0] == "left"
    assert kinds[-1] == "joined"

    then = document("explain", company, "ann", "--as-of", "2025-10-09T08:53:24Z")
    assert [(m["role"], m["title"]) for m in then["members"]] == [("decision_maker", "VP Sales")]
    assert [version["version"] for version in then["history"]] == [2, 1]
    assert "decision_maker, score" in run("explain", company, "ann", "--as-of", "2025-10-09T08:53:24Z").stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("history", "nobody"), "no buyer group of company nobody"),
        (("explain", "nobody", "ann"), "company nobody is not known"),
        (("explain", "acme", "carol"), "heard nothing of a person carol"),
        (("explain", "acme", "ann", "--workspace", "other"), "there is no workspace other"),
        (("explain", "acme", "ann", "--as-of", "2020-01-01"), "had no buyer group"),
    ],
)
def test_what_is_not_known_is_a_sentence(company: str, words: tuple[str, ...], reason: str) -> None:
    """Exit code 1, nothing on standard output."""
    result = run(*words)

    assert company == "acme"
    assert (result.exit_code, result.stdout) == (1, "")
    assert reason in result.stderr


def test_a_line_without_a_person_says_why_it_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    """It is about the group, or about somebody who was erased: these must not be taken for each other."""
    erased = HistoryLine("joined", None, None, None, None, "erased", "world", None, None)
    open_role = replace(erased, kind="incomplete", why="no champion left")

    show_history([VersionView(1, NOW, None, (), (erased, open_role))])

    _, _, first, second = capsys.readouterr().out.splitlines()
    assert "somebody erased" in first
    assert "the group" in second
