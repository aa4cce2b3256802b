"""A company that is another one: its roster under the right id is what it would have been there from the start."""

from dataclasses import replace

from hypothesis import given

from consumers.engine.fold import fold
from consumers.engine.identity import resolve
from consumers.engine.state import CompanyState, Employment
from consumers.linking import SOURCE, link
from schemas.events import ChangeType, Company, Movement, PersonChange
from tests.support.changes import NOW, change, deliveries, histories
from tests.support.people import judges, tales

HOUR = 3_600_000
LATER = NOW + 24 * HOUR


def folded(company: str, changes: list[PersonChange], state: CompanyState | None = None) -> CompanyState:
    """The state after a company's own changes among these."""
    own = [replace(said, company=replace(said.company, id=company)) for said in changes if said.company.id == company]
    return fold(state or CompanyState(company), deliveries(own), 0, HOUR).state


def known(state: CompanyState) -> dict[str, Employment]:
    """The roster; of those who are gone it does not matter when they had come."""
    return {who: one if one.present else one._replace(joined_at=None) for who, one in state.roster.items()}


@given(histories())
def test_the_roster_moves_with_its_times_and_senders(changes: list[PersonChange]) -> None:
    """Facts, people, stamps, and when they came: all as if it had been said of our company at once."""
    old = folded("acme", changes)
    ours = folded("ours", link(old, "ours", LATER))

    assert known(ours) == known(old)
    assert ours.facts == old.facts


@given(histories())
def test_everybody_leaves_the_old_company(changes: list[PersonChange]) -> None:
    """Whatever was said of them there."""
    old = folded("acme", changes)
    after = folded("acme", link(old, "ours", LATER), old)

    assert not [who for who, employment in after.roster.items() if employment.present]


@given(histories())
def test_linking_again_moves_nothing(changes: list[PersonChange]) -> None:
    """The second time all changes are duplicates, and nobody leaves our company because they left the old one."""
    old = folded("acme", changes)
    first = link(old, "ours", LATER)
    ours, after = folded("ours", first), folded("acme", first, old)
    again = folded("ours", link(after, "ours", LATER + HOUR), ours)

    assert known(again) == known(ours)
    assert again.facts == ours.facts
    assert not [said for said in link(after, "ours", LATER) if said.company.id == "acme"]


def test_what_is_said_under_the_old_id_later_is_moved_by_the_next_link() -> None:
    """A sender that had not heard: the new title and the new colleague come along."""
    old = folded("acme", [change("e1", person="p1")])
    first = link(old, "ours", LATER)
    late = [change("e2", person="p1", title="CEO", occurred_at=NOW + HOUR), change("e3", person="p2")]
    after = folded("acme", late, folded("acme", first, old))
    ours = folded("ours", [*first, *link(after, "ours", LATER)])

    assert {who: (e.present, e.job.values[1]) for who, e in ours.roster.items()} == {
        "p1": (True, "CEO"),
        "p2": (True, "CRO"),
    }


def test_people_whom_one_event_named_keep_apart() -> None:
    """At one company an identity has one effect, so the second of them gets another event id."""
    said = [change("e1", person="p1"), replace(change("e1", person="p2"), source="other")]
    same = [replace(one, source="test", event_id="e1") for one in said]
    old = CompanyState("acme", roster={**folded("acme", same[:1]).roster, **folded("acme", same[1:]).roster})
    changes = link(old, "ours", LATER)

    assert len({(one.source, one.event_id) for one in changes if one.company.id == "ours"}) == 2
    assert set(folded("ours", changes).roster) == {"p1", "p2"}


def test_departures_say_where_to() -> None:
    """Who looks at the old company's history sees what happened."""
    (left,) = [one for one in link(folded("acme", [change()]), "ours", LATER) if one.company.id == "acme"]

    assert (left.movement, left.source, left.occurred_at) == (Movement.LEFT, SOURCE, NOW + 1)
    assert left.other_company is not None
    assert left.other_company.id == "ours"


def test_who_left_our_company_for_what_is_our_company_has_not_left() -> None:
    """A move from ours to theirs is one event at both: its second half must not be taken for a duplicate."""
    left = change("e1", "ours", movement=Movement.LEFT)
    ours = folded("ours", [change("e0", "ours", occurred_at=NOW - HOUR), left])
    old = folded("acme", [change("e1", movement=Movement.JOINED)])
    assert not ours.roster["p1"].present

    after = folded("ours", link(old, "ours", LATER, ours.seen.keys()), ours)
    assert after.roster["p1"].present


@given(tales())
def test_who_is_one_person_moves_along(changes: list[PersonChange]) -> None:
    """Earlier addresses, merges and splits by hand: the same ids are one person at our company as they were there."""
    old = folded("acme", changes)
    ours = folded("ours", link(old, "ours", LATER))

    assert {who: one.evidence for who, one in ours.roster.items()} == {w: one.evidence for w, one in old.roster.items()}
    assert {w: one.first_seen_at for w, one in ours.roster.items()} == {
        w: one.first_seen_at for w, one in old.roster.items()
    }
    assert resolve(ours.roster) == resolve(old.roster)
    assert folded("ours", link(old, "ours", LATER + HOUR), ours).roster == ours.roster


def test_roles_that_were_set_move_along() -> None:
    """Set, set anew and taken back, each with who said so: at our company the same ones count."""
    said = [
        replace(change("e1", person="p1", kind=ChangeType.ROLE_SET), role="blocker", requested_by="ann"),
        replace(change("e2", person="p2", kind=ChangeType.ROLE_SET), role="champion", workspace_id="west"),
        replace(change("e3", person="p2", kind=ChangeType.ROLE_SET, occurred_at=NOW + 1), workspace_id="west"),
        change("e4", person="p1"),
    ]
    old = folded("acme", said)
    ours = folded("ours", link(old, "ours", LATER))

    assert ours.choices == old.choices
    assert {key: choice.role for key, choice in ours.choices.items()} == {
        ("default", "p1"): "blocker",
        ("west", "p2"): None,
    }
    assert folded("ours", link(old, "ours", LATER), ours).choices == old.choices


def test_a_merge_that_names_the_company_as_well_moves_along() -> None:
    """One event that says the company's name and that two ids are one person is two changes of two identities."""
    merge = replace(judges("m", "p1", "p2"), company=Company("acme", name="Acme"))
    old = folded("acme", [change("e1", person="p1"), change("e2", person="p2"), merge])
    ours = folded("ours", link(old, "ours", LATER))

    assert ours.facts.values[0] == "Acme"
    assert resolve(ours.roster) == {"p1": "p1", "p2": "p1"}
