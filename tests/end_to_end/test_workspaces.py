"""Policies and set roles on a running system: shown before, applied, refreshed, and the same in a rebuild."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumers.workspaces.applying import event_id
from schemas.events import MAX_ID_BYTES
from tests.support.changes import NOW, change, random_log
from tests.support.system import System, wait_for

ROLES = "SELECT workspace_id, person_id, role, rule FROM buyer_group_members WHERE company_id = 'acme' ORDER BY 1, 2, 3"
POLICY = """
workspace = "secure"
[departments]
primary = ["it"]
secondary = []
"""


@pytest.fixture
def system(system: System) -> System:
    """With refreshes so close that nothing stays pending for an hour, and policies that count at once."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "1", "POLICY_LEAD_SECONDS": "1"}
    return system


def apply(system: System, folder: Path, text: str, *words: str) -> Any:
    """Apply a policy, and what was answered."""
    file = folder / "policy.toml"
    file.write_text(text, "utf-8")
    done = system.command("workspace", "apply", str(file), "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_policy_is_shown_applied_and_refreshed(system: System, tmp_path: Path) -> None:
    """What would change is what changes; applied again it has no second effect; a rebuild makes the same groups."""
    people = [("p1", "CRO"), ("p2", "Head of IT"), ("p3", "CEO")]
    system.publish([change(f"e{n}", "acme", p, title, occurred_at=NOW + n) for n, (p, title) in enumerate(people)])
    system.publish([change("o1", "other", "p9", "Cook")])
    system.publish(random_log(61, 300, 20))
    consumer = system.start_consumer()
    wait_for("groups", system.settled)

    shown = apply(system, tmp_path, POLICY, "--dry-run", "--first", "50")
    assert shown["applied"] is None
    assert not system.query("SELECT 1 FROM workspaces")
    acme = next(one for one in shown["first"] if one["companyId"] == "acme")
    joined = {(line["kind"], line["personId"], line["after"]) for line in acme["changes"]}
    assert joined == {
        ("joined", "p1", "introducer"),
        ("joined", "p2", "decision_maker"),
        ("joined", "p3", "stakeholder"),
    }
    assert "other" not in {one["companyId"] for one in shown["first"]}
    assert shown["kinds"]["joined"] == sum(len(one["changes"]) for one in shown["first"])

    done = apply(system, tmp_path, POLICY, "--yes")
    assert (done["applied"]["version"], done["applied"]["refreshes"]) == (1, shown["changed"])
    wait_for("refreshes", system.settled)
    ((asked_at,),) = system.query("SELECT min(log_time) FROM webhook_events WHERE source = 'workspace-policy'")
    counts_from = datetime.fromisoformat(done["applied"]["countsFrom"])
    assert asked_at - counts_from >= timedelta(seconds=2), "by so much the clocks of brokers may differ"
    secure = [row[1:3] for row in system.query(ROLES) if row[0] == "secure"]
    assert secure == [("p1", "introducer"), ("p2", "decision_maker"), ("p3", "stakeholder")]
    groups = "SELECT company_id FROM buyer_groups WHERE workspace_id = 'secure' AND version > 0"
    assert len(system.query(groups)) == shown["changed"]

    before = system.query("SELECT company_id, workspace_id, version FROM buyer_groups ORDER BY 1, 2")
    again = apply(system, tmp_path, POLICY, "--yes")
    assert again["applied"]["version"] == 1
    wait_for("the end", system.settled)
    assert system.query("SELECT company_id, workspace_id, version FROM buyer_groups ORDER BY 1, 2") == before
    assert system.query("SELECT sum(deliveries) - count(*) FROM webhook_events WHERE source = 'workspace-policy'") == [
        (again["applied"]["refreshes"],)
    ]

    text = POLICY.replace('["it"]', '["sales"]')
    assert apply(system, tmp_path, text, "--yes")["applied"]["version"] == 2
    wait_for("refreshes", system.settled)
    assert system.stop(consumer) == 0
    verified = system.command("verify", "--json")
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["equal"] is True


def test_a_policy_is_applied_while_changes_flow_through_two_consumers(system: System, tmp_path: Path) -> None:
    """Both know each version when it counts: what they made together is what a fold of the log makes."""
    consumers = [system.start_consumer() for _ in range(2)]
    log = random_log(62, 900, 30)
    for number, primary in enumerate(["it", "sales", "marketing"]):
        system.publish(change_ for change_, _ in zip(log, range(300), strict=False))
        text = POLICY.replace('["it"]', f'["{primary}"]')
        assert apply(system, tmp_path, text, "--yes", "--all")["applied"]["version"] == number + 1
    wait_for("the end", system.settled)
    assert [system.stop(consumer) for consumer in consumers] == [0, 0]
    assert system.query("SELECT DISTINCT policy_version FROM buyer_groups WHERE workspace_id = 'secure'") == [(3,)]
    verified = system.command("verify", "--json")
    assert verified.returncode == 0, verified.stdout


def test_a_role_is_set_and_removed_by_command(system: System) -> None:
    """It is refused when the workspace has no such role; a removal lets the rules decide again."""
    system.publish([change("e1", "acme", "p1", "CRO")])
    wrong = system.command("group", "set-role", "acme", "p1", "boss")
    assert wrong.returncode == 2
    assert "boss is no role of workspace default: its roles are decision_maker, champion," in wrong.stderr
    assert system.command("group", "set-role", "acme", "p1").returncode == 2
    for said in ("champion", "--remove"):
        assert system.command("group", "set-role", "acme", "p1", said, "--workspace", "no").returncode == 2

    done = system.command("group", "set-role", "acme", "p1", "Blocker", "introducer", "--by", "ann")
    assert done.returncode == 0, done.stderr
    system.drain()
    assert system.query(ROLES) == [
        ("default", "p1", "blocker", "set-by-user"),
        ("default", "p1", "introducer", "set-by-user"),
    ]
    assert system.command("group", "set-role", "acme", "p1", "--remove", "--json").returncode == 0
    system.drain()
    assert system.query(ROLES) == [("default", "p1", "decision_maker", "primary-leads")]


def test_workspaces_are_listed_and_shown(system: System, tmp_path: Path) -> None:
    """Versions with their times; a policy with every value in it; mistakes of a file are sentences."""
    assert "default has the built-in policy" in system.command("workspace", "list").stdout
    apply(system, tmp_path, POLICY, "--yes", "--by", "ann")
    (listed,) = json.loads(system.command("workspace", "list", "--json").stdout)
    assert (listed["workspace"], listed["version"], listed["createdBy"]) == ("secure", 1, "ann")
    assert "secure" in system.command("workspace", "list").stdout

    shown = json.loads(system.command("workspace", "show", "secure").stdout)
    assert (shown["version"], shown["departments"]["primary"]) == (1, ["it"])
    assert json.loads(system.command("workspace", "show").stdout)["version"] == 0
    assert system.command("workspace", "show", "nobody").returncode == 1

    file = tmp_path / "wrong.toml"
    file.write_text("[deal]\nsize = 'much'\n", "utf-8")
    wrong = system.command("workspace", "apply", str(file))
    assert wrong.returncode == 2
    assert "line 2: deal.size: must be a valid integer" in wrong.stderr
    file.write_text(POLICY.replace("secure", "other"), "utf-8")
    unasked = system.command("workspace", "apply", str(file))
    assert unasked.returncode == 2
    assert "0 groups of 0 companies would change" in unasked.stdout
    assert "--yes" in unasked.stderr


def test_ids_of_requests_are_ids() -> None:
    """Readable where they fit; else a digest, and another one for another version."""
    assert event_id("w", 3, "acme") == "w:3:acme"
    long = "c" * MAX_ID_BYTES
    assert len({event_id("w", 3, long), event_id("w", 4, long), event_id("v", 3, long)}) == 3
    assert len(event_id("w", 3, long)) <= MAX_ID_BYTES
