"""Companies under other people's ids: which of ours they are, read through a cache."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import ingress.app
from cli.main import app
from db.aliases import AliasKey, domain_key, id_key
from db.errors import RetryableDatabaseError
from ingress.aliases import CACHE_SECONDS, Aliases
from ingress.providers import Found, Skipped
from ingress.providers.original import read_changes
from ingress.providers.own_ids import with_own_ids
from ingress.providers.registry import ADAPTERS
from ingress.settings import IngressSettings
from ingress.sources import Sources, sources_from
from schemas.events import Company, FieldChange, Movement, PersonChange
from tests.support.changes import NOW, change
from tests.support.payloads import LUSHA
from tests.support.system import System, wait_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress


class FakeTable:
    """The table of aliases: what is taught, what was asked, and whether it answers."""

    def __init__(self, **taught: str) -> None:
        self.taught = {id_key("acme", alias): ours for alias, ours in taught.items()}
        self.asked: list[set[AliasKey]] = []
        self.away = False
        self.now = 0.0

    async def known(self, keys: Collection[AliasKey]) -> dict[AliasKey, str]:
        """See `KnownAliases.known`."""
        self.asked.append(set(keys))
        if self.away:
            raise RetryableDatabaseError("away")
        return {key: self.taught[key] for key in keys if key in self.taught}


def ours(aliases: Aliases, *changes: PersonChange) -> list[PersonChange]:
    """The changes as they are published."""
    return list(asyncio.run(_ours(aliases, changes)))


async def _ours(aliases: Aliases, changes: Collection[PersonChange]) -> list[PersonChange]:
    return list(await aliases.ours(list(changes)))


def made(table: FakeTable) -> Aliases:
    """Aliases on a table, with its clock."""
    return Aliases(table.known, lambda: table.now)


def at(company: str, movement: Movement = Movement.NONE, domain: str | None = None) -> PersonChange:
    """A change of source acme."""
    return change("e1", company, source="acme", movement=movement, domain=domain)


def test_a_company_is_ours_by_id_then_by_domain_else_it_stays_theirs() -> None:
    """What nobody has taught has a stable id of its own."""
    table = FakeTable(a77="co-1")
    table.taught[domain_key("www.Known.test")] = "co-2"
    found = ours(
        made(table), at("acme:a77", domain="known.test"), at("acme:78", domain="WWW.known.TEST."), at("acme:79")
    )

    assert [one.company.id for one in found] == ["co-1", "co-2", "acme:79"]


def test_ids_that_are_ours_are_never_asked_for() -> None:
    """Sources with our ids cost nothing, and another source's ids are not this one's to translate."""
    table = FakeTable(a77="co-1")
    changes = [at("co-1", domain="known.test"), at("other:a77")]

    assert ours(made(table), *changes) == changes
    assert table.asked == []


def test_the_other_company_of_a_move_is_translated_as_well() -> None:
    """Both records name both companies."""
    table = FakeTable(a77="co-1")
    left = replace(at("acme:a77", Movement.LEFT), other_company=Company("acme:78"))
    joined = replace(at("acme:78", Movement.JOINED), other_company=Company("acme:a77"))
    found = ours(made(table), left, joined)

    assert [(one.company.id, one.other_company.id if one.other_company else None) for one in found] == [
        ("co-1", "acme:78"),
        ("acme:78", "co-1"),
    ]


def test_nobody_leaves_a_company_for_itself() -> None:
    """Two ids of theirs that are one company of ours: the departure would count, for it has the same identity."""
    table = FakeTable(a77="co-1", a78="co-1")
    found = ours(made(table), at("acme:a77", Movement.LEFT), at("acme:a78", Movement.JOINED))

    assert [(one.company.id, one.movement) for one in found] == [("co-1", Movement.JOINED)]


def test_what_is_cached_is_asked_for_again_after_a_while() -> None:
    """Also what was not found: an alias that is taught counts a few seconds later."""
    table = FakeTable()
    aliases = made(table)
    assert ours(aliases, at("acme:a77"))[0].company.id == "acme:a77"
    table.taught[id_key("acme", "a77")] = "co-1"
    assert ours(aliases, at("acme:a77"))[0].company.id == "acme:a77"
    assert len(table.asked) == 1
    table.now += CACHE_SECONDS
    assert ours(aliases, at("acme:a77"))[0].company.id == "co-1"


def test_without_the_database_what_was_known_counts_on_and_what_never_was_is_refused() -> None:
    """A guess would put people on the wrong roster."""
    table = FakeTable(a77="co-1")
    aliases = made(table)
    ours(aliases, at("acme:a77"))
    table.away, table.now = True, 1000.0

    assert ours(aliases, at("acme:a77"))[0].company.id == "co-1"
    with pytest.raises(RetryableDatabaseError):
        ours(aliases, at("acme:78"))


def test_own_ids_mark_every_company_of_every_record() -> None:
    """Of lists and of findings with hints; what is skipped stays so."""
    move = {"id": 1, "type": "job.change", "person": {"id": 2, "oldCompany": 3}, "company": 4}
    changes = with_own_ids("acme", read_changes)(move, NOW, "acme")
    signal = with_own_ids("acme", ADAPTERS["lusha"])({**LUSHA, "type": "companyChange"}, NOW + 10**10, "acme")

    assert isinstance(changes, list)
    assert [(c.company.id, c.other_company and c.other_company.id) for c in changes] == [
        ("acme:3", "acme:4"),
        ("acme:4", "acme:3"),
    ]
    assert not isinstance(signal, Skipped | list)
    assert [one.company.id for one in signal.changes] == ["acme:40823133"]
    assert len(signal.hints) == 1
    assert isinstance(with_own_ids("acme", read_changes)({"type": "x"}, NOW, "acme"), Skipped)


def test_own_ids_mark_people_only_where_they_are_the_source_s() -> None:
    """So that two providers' 123 are two ids; in a merge both are marked, in a hint none."""
    merged = {
        "id": 1,
        "type": "person.merged",
        "person": {"id": 2},
        "company": 4,
        "changes": {"id": {"old": 3, "new": 2}},
    }
    for companies in (False, True):
        (change,) = _changes(with_own_ids("acme", read_changes, companies=companies, people=True)(merged, NOW, "acme"))
        assert change.person is not None
        assert (change.company.id, change.person.id) == ("acme:4" if companies else "4", "acme:2")
        assert change.changes["id"] == FieldChange("acme:3", "acme:2")
    promoted = {"id": 1, "type": "person.promotion", "person": 2, "company": 4, "changes": {"id": {"old": 3}}}
    (change,) = _changes(with_own_ids("acme", read_changes, people=True)(promoted, NOW, "acme"))
    assert change.changes["id"] == FieldChange("3")
    refresh = {"id": 1, "type": "buyer_group.refresh_requested", "company": 4}
    (change,) = _changes(with_own_ids("acme", read_changes, people=True)(refresh, NOW, "acme"))
    assert change.person is None
    everywhere = with_own_ids("acme", read_changes, people=True)({**merged, "company": None}, NOW, "acme")
    assert isinstance(everywhere, Found)
    assert everywhere.hints[0].person.id == "2"


def _changes(found: object) -> list[PersonChange]:
    assert isinstance(found, list)
    return found


def test_a_company_is_never_known_by_its_name() -> None:
    """Another company of the same name, with another domain or none, stays another company: nothing asks by name."""
    table = FakeTable(a77="co-1")
    table.taught[domain_key("acme.test")] = "co-1"
    theirs = {"acme:a77": None, "acme:78": "acme.example", "acme:79": None}
    named = [replace(at(company), company=Company(company, "Acme Inc", domain)) for company, domain in theirs.items()]

    assert [one.company.id for one in ours(made(table), *named)] == ["co-1", "acme:78", "acme:79"]
    assert not [key for asked in table.asked for key in asked if "Acme Inc" in key]


@pytest.fixture
def acme(system: System, start: Callable[..., "Ingress"], monkeypatch: pytest.MonkeyPatch) -> "Ingress":
    """An ingress with a source acme whose company ids are its own."""

    def sources(settings: IngressSettings) -> Sources:
        original = sources_from(settings).original
        assert original is not None
        own = replace(original, name="acme", given="acme", read=with_own_ids("acme", read_changes))
        return Sources(original, MappingProxyType({"acme": own}))

    monkeypatch.setattr(ingress.app, "sources_from", sources)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", system.bootstrap)
    monkeypatch.setenv("DATABASE_URL", system.database_url)
    monkeypatch.setenv("PERSON_CHANGES_TOPIC", system.topic)
    return start(
        kafka_bootstrap_servers=system.bootstrap,
        person_changes_topic=system.topic,
        database_url=system.database_url,
        publish_timeout_seconds=15,
        lookup_timeout_seconds=5,
    )


def _payload(event: str, title: str, **company: Any) -> dict[str, Any]:
    return {
        "id": event,
        "type": "person.role_change",
        "person": {"id": "p1", "name": "Ann", "newTitle": title},
        "company": {"id": 77, "name": "Acme Inc", **company},
    }


def _roster(system: System) -> list[tuple[Any, ...]]:
    return system.query("SELECT company_id, person_id, title FROM roster ORDER BY 1, 2")


def test_a_company_that_is_linked_takes_its_people_along(system: System, acme: "Ingress") -> None:
    """Before, under acme:77; after, under our id, and so is all that follows; the groups are those of the rosters."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "0.1"}
    path = "/api/webhooks/person-change/acme"
    with system.consumer_here():
        assert acme.post(_payload("e1", "CRO"), path).status_code == 202
        wait_for("roster", lambda: _roster(system) == [("acme:77", "p1", "CRO")])

        words = ["company", "link", "acme:77", "co-1", "--domain", "acme.test"]
        linked = CliRunner().invoke(app, words)
        assert (linked.exit_code, "1 person moved from acme:77 to co-1" in linked.stdout) == (0, True), linked.output
        wait_for("move", lambda: _roster(system) == [("co-1", "p1", "CRO")])
        acme.now += 1000
        assert acme.post(_payload("e2", "CEO"), path).status_code == 202
        wait_for("title", lambda: _roster(system) == [("co-1", "p1", "CEO")])
        by_domain = _payload("e3", "CFO") | {"company": {"id": 99, "domain": "www.acme.test"}}
        assert acme.post(by_domain, path).status_code == 202
        wait_for("title", lambda: _roster(system) == [("co-1", "p1", "CFO")])
        wait_for(
            "groups",
            lambda: system.query("SELECT company_id, person_id, title FROM groups") == [("co-1", "p1", "CFO")],
        )
    assert system.query("SELECT name FROM companies WHERE company_id = 'co-1'") == [("Acme Inc",)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["77", "co-1"], "must look like acme:77"),
        (["acme:", "co-1"], "must look like acme:77"),
        (["acme:77", "acme:77"], "is acme:77 already"),
        (["acme:77", " "], "must not be empty"),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(words: list[str], found: str) -> None:
    """Before anything is asked or taught."""
    result = CliRunner().invoke(app, ["company", "link", *words])

    assert result.exit_code == 2
    assert found in result.stderr


def test_a_link_without_a_consumer_says_so(system: System, acme: "Ingress") -> None:
    """The alias counts, nothing is moved, and the exit code tells."""
    assert acme.post(_payload("e1", "CRO"), "/api/webhooks/person-change/acme").status_code == 202
    result = CliRunner().invoke(app, ["company", "link", "acme:77", "co-1", "--wait", "0.2"])

    assert result.exit_code == 1
    assert "run it again" in result.stderr
    assert system.query("SELECT alias, company_id FROM company_aliases") == [("77", "co-1")]
