"""Roles that users set: in the log as all else, kept over refreshes, departures and policies."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState, Deferred, Ignored, Refreshed, Superseded
from consumers.workspaces.document import PolicyDocument
from db.digest import digest
from schemas.events import ChangeType, FieldChange, Movement, PersonChange
from tests.support.changes import NOW, change, deliveries
from tests.support.consumption import consume, log_of, processor_for

HOUR = 3_600_000


def chosen(
    event_id: str, role: str | None, person: str | None = "p1", workspace: str | None = None, at: int = NOW
) -> PersonChange:
    """Ann sets a role, or takes it back."""
    made = change(event_id, person=person, title=None, occurred_at=at, kind=ChangeType.ROLE_SET)
    return replace(made, workspace_id=workspace, requested_by="ann", role=role)


def outcomes(*changes: PersonChange) -> list[object]:
    """What a fold of these makes of each."""
    folded = fold(CompanyState("acme"), deliveries(list(changes)), 0, HOUR)
    return [outcome for _, outcome in folded.outcomes]


def test_a_choice_is_news_and_obeys_the_hourly_limit() -> None:
    """The first one refreshes, the next is deferred; one that says what is so already, or is older, changes nothing."""
    found = outcomes(
        chosen("e1", "champion", at=NOW + 1),
        chosen("e2", "blocker", at=NOW + 2),
        chosen("e3", "champion", at=NOW + 1),
        chosen("e4", "blocker", at=NOW + 3),
        chosen("e5", None, at=NOW + 4),
        chosen("e6", " ", person="p2"),
        chosen("e7", "champion", person=None),
    )
    due = NOW + HOUR
    assert found == [
        Refreshed(NOW),
        Deferred(due),
        Superseded("somebody has chosen another role since"),
        Superseded("the role was set so already"),
        Deferred(due),
        Superseded("no role was set"),
        Ignored("a role was set, but for nobody"),
    ]


_CHOICES = st.builds(
    chosen,
    st.just("x"),
    st.sampled_from(["champion", "blocker", None]),
    st.sampled_from(["p1", "p2"]),
    st.sampled_from([None, "default", "w"]),
    st.integers(NOW, NOW + 3),
)


@given(st.lists(_CHOICES, max_size=8), st.data())
def test_the_order_of_choices_does_not_decide(changes: list[PersonChange], data: st.DataObject) -> None:
    """L4: late, repeated or reordered, the choice with the greatest stamp counts; and removal is a choice."""
    log = [replace(said, event_id=f"e{number}") for number, said in enumerate(changes)]
    other = data.draw(st.permutations([*log, *log[:2]]))
    one, two = (fold(CompanyState("acme"), deliveries(list(each)), 0, HOUR).state for each in (log, other))
    assert one.choices == two.choices
    expected: dict[tuple[str, str], str | None] = {}
    for said in sorted(log, key=lambda said: (said.occurred_at, said.source, said.event_id)):
        assert said.person is not None
        expected[said.workspace_id or "default", said.person.id] = said.role
    assert {key: choice.role for key, choice in one.choices.items()} == expected
    assert not one.roster


def query(url: str, text: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(url) as connection:
        return connection.execute(text.encode()).fetchall()


MEMBERS = "SELECT person_id, role, rule, set_by FROM buyer_group_members ORDER BY 1, 2"
STORY = [
    chosen("c0", "introducer", person="p9"),  # nobody knows p9 yet
    change("e1", title="Sales Manager"),
    chosen("c1", "blocker, introducer"),
    change("e2", title="VP Sales", occurred_at=NOW + 10),
    chosen("c2", "champion", person="p1", workspace="other"),
    change("e3", person="p9", title="Cook", occurred_at=NOW + 20),
]


@pytest.fixture
def run(database_url: str) -> Callable[..., None]:
    """Fold changes from the beginning of the log, in batches of some sizes; refreshes may follow each other at once."""

    def fold_all(*changes: PersonChange, sizes: tuple[int, ...] = (), url: str = database_url) -> None:
        made = processor_for(url, refresh_interval_seconds=0.001)
        with made.store:
            consume(made, log_of(changes), sizes)

    return fold_all


def test_a_recompute_never_overwrites_what_somebody_set(run: Callable[..., None], database_url: str) -> None:
    """A promotion changes level and title, not the roles; who was chosen before they came is in when they come."""
    run(*STORY)
    assert query(database_url, MEMBERS) == [
        ("p1", "blocker", "set-by-user", "ann"),
        ("p1", "introducer", "set-by-user", "ann"),
        ("p9", "introducer", "set-by-user", "ann"),
    ]
    assert query(database_url, "SELECT DISTINCT title FROM buyer_group_members WHERE person_id = 'p1'") == [
        ("VP Sales",)
    ]


def test_who_left_is_out_and_the_choice_is_kept(run: Callable[..., None], database_url: str) -> None:
    """They are no member while they are gone; when they come back, they are what somebody had made of them."""
    gone = change("e4", movement=Movement.LEFT, occurred_at=NOW + 30)
    back = change("e5", movement=Movement.JOINED, title="Intern", occurred_at=NOW + 40)
    run(*STORY, gone)
    assert [row[0] for row in query(database_url, MEMBERS)] == ["p9"]
    run(*STORY, gone, back)
    assert [row[:2] for row in query(database_url, MEMBERS)][:2] == [("p1", "blocker"), ("p1", "introducer")]


def test_a_removed_choice_gives_the_rules_their_say_again(run: Callable[..., None], database_url: str) -> None:
    """And an older choice that comes late does not undo the removal."""
    run(*STORY, chosen("c3", None, at=NOW + 50), chosen("c4", "blocker", at=NOW + 1))
    assert query(database_url, MEMBERS)[0] == ("p1", "decision_maker", "primary-leads", None)


def test_choices_outlive_policy_versions(run: Callable[..., None], database_url: str) -> None:
    """A new version with other names for roles keeps them; one that the new version does not know does not count."""
    own = {"own_roles": [{"name": "Sponsor", "role": "champion"}]}
    versions = [(1, NOW, {}), (2, NOW + 15, own), (3, NOW + 40, {})]
    with psycopg.connect(database_url) as connection:
        for version, at, parts in versions:
            text = PolicyDocument.model_validate(parts).stored()
            connection.execute(
                "INSERT INTO workspaces (workspace_id, version, counts_from, policy)"
                " VALUES ('default', %s, from_ms(%s), %s)",
                (version, at, text),
            )
    roles = "SELECT role, own_role, rule FROM buyer_group_members WHERE person_id = 'p1'"
    story = [
        chosen("c1", "Sponsor"),
        change("e1", title="CISO"),
        change("e2", title="VP Security", occurred_at=NOW + 9),
    ]
    last = change("e3", title="CSO", occurred_at=NOW + 10), change("e4", person="p2", occurred_at=NOW + 11)
    run(*story[:2], sizes=(1, 1))
    assert query(database_url, roles) == [("blocker", None, "can-say-no")]
    run(*story, sizes=(1, 1, 1))
    run(*story, last[0])
    assert query(database_url, roles) == [("champion", "Sponsor", "set-by-user")]
    run(*story, *last, *[change(f"x{n}", person="p3", title=f"VP {n}", occurred_at=NOW + n) for n in range(3)])
    assert query(database_url, roles)[0][2] == "can-say-no"


def test_any_batch_split_gives_the_same_rows(run: Callable[..., None], make_database: Callable[[], str]) -> None:
    """L6, choices and what they wait for included."""
    gone = [change("e4", movement=Movement.LEFT, occurred_at=NOW + 30), chosen("c3", None, at=NOW + 50)]
    digests = []
    for sizes in ((), (1,) * 8, (3, 2, 3)):
        url = make_database()
        run(*STORY, *gone, sizes=sizes, url=url)
        digests.append(digest(url))
    assert digests[0] == digests[1] == digests[2]
    assert digests[0]["role_choices"].rows == 3


def test_a_choice_follows_the_person_to_the_id_that_they_are_known_by() -> None:
    """Two ids that are one person have one role in a workspace: what was said last of either, removal included."""
    first, second = chosen("c1", "blocker", "p1", at=NOW), chosen("c2", "champion", "p2", at=NOW + 1)
    merged = change("m1", person="p1", title=None, kind=ChangeType.MERGED)
    same = replace(merged, changes={"id": FieldChange("p2", "p1")})
    log = [change("e1", person="p1"), change("e2", person="p2"), first, second, same]
    folded = fold(CompanyState("acme"), deliveries(log), NOW + 2 * HOUR, HOUR)
    (counts,) = folded.refreshes[-1].choices
    assert (counts.person_id, counts.role) == (folded.refreshes[-1].people[0].person_id, "champion")
    assert len(folded.refreshes[-1].people) == 1
    back = fold(CompanyState("acme"), deliveries([*log, chosen("c3", None, "p1", at=NOW + 2)]), NOW + 2 * HOUR, HOUR)
    assert back.refreshes[-1].choices == ()
