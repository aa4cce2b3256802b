"""Who is one person, through the real processor into real tables: rows, views, reads, versions."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from consumers.runtime.processor import Processor
from db.digest import digest
from db.reads import GroupView, Reads
from schemas.codec import Codec
from schemas.events import Movement, PersonChange
from tests.support.consumption import TOPIC, consume, log_of, processor_for
from tests.support.people import JOHN, MEMBER, OTHER_MEMBER, judges, tells

pytestmark = pytest.mark.servers
STEP = 2 * 3_600_000


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """One that refreshes at each change: they are two hours apart."""
    made = processor_for(database_url)
    with made.store:
        yield made


def run(processor: Processor, *changes: PersonChange, sizes: tuple[int, ...] = ()) -> None:
    """Consume these changes, two hours apart."""
    consume(processor, log_of(changes, STEP), sizes)


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(query).fetchall()


def group(database_url: str) -> GroupView:
    """The group of acme, as it is read."""

    async def read() -> GroupView | None:
        async with Reads(database_url) as reads:
            return await reads.group("default", "acme")

    found = asyncio.run(read())
    assert found is not None
    return found


ONE = tells("e1", "b:9", linkedin_url=MEMBER, name="Ann Miller", title="VP Sales", source="b", at=1)
TWO = tells("e2", "a:1", linkedin_url=MEMBER, name="Ann Jones", title="CRO", source="a", at=2, email="ann@gmail.com")
COLLEAGUE = tells("e3", "p5", name="Ben", title="Head of Sales", at=3)
CHANGES = "SELECT version, kind, person_id, before, after FROM buyer_group_changes ORDER BY version, position"


def test_two_sources_tell_of_one_person_and_there_is_one_member(processor: Processor, database_url: str) -> None:
    """Group, roster view and the names that she is known by besides; each employment stays as its provider has it."""
    run(processor, ONE, TWO, COLLEAGUE)

    members = {member.person_id: member for member in group(database_url).members}
    assert set(members) == {"a:1", "p5"}
    assert (members["a:1"].title, members["a:1"].name, members["a:1"].also_known_as) == ("CRO", "Ann Jones", ["b:9"])
    assert members["p5"].also_known_as == []
    assert rows(database_url, "SELECT person_id, name, title, email FROM roster ORDER BY 1") == [
        ("a:1", "Ann Jones", "CRO", "ann@gmail.com"),
        ("p5", "Ben", "Head of Sales", None),
    ]
    assert rows(database_url, "SELECT person_id, title, canonical_id FROM employments ORDER BY 1") == [
        ("a:1", "CRO", "a:1"),
        ("b:9", "VP Sales", "a:1"),
        ("p5", "Head of Sales", None),
    ]


def test_the_roster_view_has_of_each_field_what_was_said_last(processor: Processor, database_url: str) -> None:
    """Also before the refresh that notes it: who left by one id and was seen later by the other is here, and back."""
    run(processor, ONE, TWO, tells("e4", "a:1", Movement.LEFT, source="a", at=10))
    assert rows(database_url, "SELECT * FROM roster") == []
    assert group(database_url).members == ()

    changes = [ONE, TWO, tells("e4", "a:1", Movement.LEFT, source="a", at=10)]
    run(processor, *changes, tells("e5", "b:9", title="Chief Executive Officer", source="b", at=11))
    assert rows(database_url, "SELECT person_id, title, seniority, email FROM roster") == [
        ("a:1", "Chief Executive Officer", "c_level", "ann@gmail.com")
    ]


def test_a_merge_and_its_undoing_alert_nobody(processor: Processor, database_url: str) -> None:
    """Two members become one, and two again: versions of their own kind, for services that keep a copy."""
    here = [tells("e1", "p1", name="Ann", title="VP Sales"), tells("e2", "p2", name="Ann M.", title="VP Sales")]
    merge, split = judges("m", "p2", "p1", at=5), judges("s", "p1", "p2", at=6, merged=False)
    run(processor, *here, merge, split)

    assert rows(database_url, CHANGES) == [
        (1, "joined", "p1", None, "decision_maker"),
        (2, "joined", "p2", None, "decision_maker"),
        (3, "identity_corrected", "p1", "decision_maker", None),
        (4, "identity_corrected", "p1", None, "decision_maker"),
    ]
    assert [m.person_id for m in group(database_url).members] == ["p1", "p2"]
    updates = [
        Codec("buyer_group_updated").decode(value) for (value,) in rows(database_url, "SELECT value FROM outbox")
    ]
    assert sorted(update["version"] for update in updates) == [1, 2, 3, 4]


def test_a_late_member_id_parts_them_again(processor: Processor, database_url: str) -> None:
    """What agreed is no longer enough; the evidence of it stays, and a merge by hand wins over both."""
    weak = [tells("e1", "a:1", **JOHN, title="CRO", at=1), tells("e2", "b:9", **JOHN, title="CRO", at=1)]
    strong = [tells("e3", "a:1", linkedin_url=MEMBER, at=2), tells("e4", "b:9", linkedin_url=OTHER_MEMBER, at=2)]
    run(processor, *weak)
    assert [m.also_known_as for m in group(database_url).members] == [["b:9"]]
    run(processor, *weak, *strong)
    assert [m.person_id for m in group(database_url).members] == ["a:1", "b:9"]
    assert rows(
        database_url, "SELECT count(*) FROM people WHERE evidence[1] LIKE E'linkedin_slug\\x1fjohn-smith\\x1f%'"
    ) == [(2,)]
    run(processor, *weak, *strong, judges("m", "b:9", "a:1", at=3))
    assert [(m.person_id, m.also_known_as) for m in group(database_url).members] == [("b:9", ["a:1"])]


def test_one_log_has_one_digest(make_database: Callable[[], str]) -> None:
    """Merges, splits and conflicts, folded all at once, one by one, and with refreshes that are deferred in between."""
    log = [
        ONE,
        judges("m0", "p5", "p6", at=1),
        TWO,
        COLLEAGUE,
        tells("e5", "p6", **JOHN, title="CRO"),
        tells("e6", "p7", **JOHN, title="VP Sales", at=4),
        tells("e7", "p7", linkedin_url=OTHER_MEMBER, at=9),
        tells("e8", "b:9", Movement.LEFT, at=5),
        judges("m1", "p7", "p6", at=2),
        judges("s1", "a:1", "b:9", at=1, merged=False),
        tells("e9", "p6", email="older@gmail.com", at=-5),
    ]
    found = []
    for sizes in ((), (1,) * len(log), (2, 3, 1, 2)):
        url = make_database()
        with (made := processor_for(url)).store:
            consume(made, log_of(log, STEP // 4), sizes)
        found.append(digest(url, TOPIC))

    assert found[0] == found[1] == found[2]
