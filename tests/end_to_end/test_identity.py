"""Two sources tell of one person, on real servers: posted, folded, merged and split by command, verified, rebuilt."""

import json
from typing import Any

import pytest

from db.digest import digest
from schemas.events import PersonChange
from tests.support.changes import NOW
from tests.support.people import JOHN, MEMBER, OTHER_MEMBER, tells
from tests.support.system import System, wait_for

pytestmark = pytest.mark.slow


def person(system: System, *words: str) -> Any:
    """What `person-changes person … --json` answers."""
    done = system.command("person", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def members(system: System) -> list[tuple[str, list[str]]]:
    """Who is in the group of acme, and by which other ids they are known; nobody while there is no group."""
    done = system.command("group", "show", "acme", "--json")
    if "there is no buyer group" in done.stderr:
        return []
    assert done.returncode == 0, done.stderr
    return [(member["personId"], member["alsoKnownAs"]) for member in json.loads(done.stdout)["members"]]


def say(system: System, *changes: PersonChange) -> None:
    """Publish changes and let a consumer refresh for them."""
    system.publish(changes)
    system.drain()


def test_one_person_of_two_sources_is_one_member_until_it_is_said_that_they_are_two(system: System) -> None:
    """What agrees joins, a late member id parts, a command joins again; and the log says the same all over again."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "0.001"}
    weak = [
        tells("e1", "b:9", source="b", title="CRO", at=1, **JOHN),
        tells("e2", "a:1", source="a", title="CRO", at=2, **JOHN),
        tells("e3", "p5", name="John Smith", title="VP Sales", at=3),
    ]
    say(system, *weak)
    assert members(system) == [("a:1", ["b:9"]), ("p5", [])]
    (found,) = person(system, "candidates", "acme")["candidates"]
    assert [one["personId"] for one in found["people"]] == ["a:1", "p5"]
    assert (found["reasons"], found["against"]) == (["same name john smith"], None)

    strong = [
        tells("e4", "a:1", source="a", linkedin_url=MEMBER, at=5),
        tells("e5", "b:9", source="b", linkedin_url=OTHER_MEMBER, at=5),
    ]
    say(system, *strong)
    assert [one for one, _ in members(system)] == ["a:1", "b:9", "p5"]

    assert person(system, "merge", "acme", "p5", "b:9", "--by", "ann")["survivor"] == "p5"
    system.drain()
    assert members(system) == [("a:1", []), ("p5", ["b:9"])]
    assert system.query("SELECT count(*) FROM buyer_group_changes WHERE kind IN ('left', 'removed')") == [(0,)]

    person(system, "split", "acme", "p5", "b:9")
    system.drain()
    assert [one for one, _ in members(system)] == ["a:1", "b:9", "p5"]
    verified = system.command("verify", "--json")
    assert verified.returncode == 0, verified.stdout
    wanted = digest(system.database_url)
    rebuilt = system.command("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert digest(system.database_url) == wanted


def test_commands_say_what_is_wrong(system: System) -> None:
    """An id that nobody has, one id twice, a company that nobody knows: a sentence, and nothing in the log."""
    say(system, tells("e1", "p1", at=-NOW + 1))
    for words, code, why in (
        (("merge", "acme", "p1", "p2"), 1, "nobody at acme has the id p2"),
        (("split", "acme", "p1", "p1"), 2, "changes.id.old: must be another id than person.id"),
        (("merge", "nobody", "p1", "p2"), 1, "company nobody is not known"),
        (("candidates", "nobody"), 1, "company nobody is not known"),
    ):
        done = system.command("person", *words)
        assert (done.returncode, why in done.stderr) == (code, True), done.stderr
    assert system.query("SELECT count(*) FROM webhook_events") == [(1,)]
    text = system.command("person", "candidates", "acme")
    assert (text.returncode, text.stderr.strip()) == (0, "0 pairs to look at")


def test_a_company_that_is_linked_takes_along_who_is_one_person_and_their_roles(system: System) -> None:
    """A merge by command and a role that was set are ours with the roster, for the same people."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "0.001"}
    here = [tells(f"e-{who}", who, company="acme:77", title="CRO", name=who) for who in ("p1", "p2", "p3")]
    say(system, *here)
    person(system, "merge", "acme:77", "p2", "p1")
    chosen = system.command("group", "set-role", "acme:77", "p1", "blocker", "--by", "ann")
    assert chosen.returncode == 0, chosen.stderr
    system.drain()

    with system.consumer_here():
        linked = system.command("company", "link", "acme:77", "acme")
        assert linked.returncode == 0, linked.stderr
        wait_for("move", lambda: len(members(system)) == 2 and system.settled())

    done = json.loads(system.command("group", "show", "acme", "--json").stdout)["members"]
    assert [(one["personId"], one["role"], one["setBy"], one["alsoKnownAs"]) for one in done] == [
        ("p3", "decision_maker", None, []),
        ("p2", "blocker", "ann", ["p1"]),
    ]
    assert system.query("SELECT person_id FROM roster WHERE company_id = 'acme:77'") == []
