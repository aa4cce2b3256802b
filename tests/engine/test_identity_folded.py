"""Who is one person at a company, as the fold uses it: what a refresh tells, and what is news."""

from consumers.engine.fold import fold
from consumers.engine.identity import resolve
from consumers.engine.state import CompanyState, Superseded
from schemas.events import Movement
from tests.support.changes import NOW, deliveries
from tests.support.people import HOUR, JOHN, MEMBER, folded, judges, present, tells


def test_a_refresh_tells_whose_id_is_another_one_now() -> None:
    """At the refresh that decided it, and only there."""
    changes = [tells("e1", "b:9", linkedin_url=MEMBER), tells("e2", "a:1", linkedin_url=MEMBER), tells("e3", "p5")]
    split = judges("s", "a:1", "b:9", merged=False)
    result = fold(CompanyState("acme"), deliveries([*changes, split], step=2 * HOUR), 0, HOUR)

    assert [refresh.corrected for refresh in result.refreshes] == [
        {},
        {"b:9": ("b:9", "a:1")},
        {},
        {"b:9": ("a:1", "b:9")},
    ]
    assert [[person.person_id for person in refresh.people] for refresh in result.refreshes] == [
        ["b:9"],
        ["a:1"],
        ["a:1", "p5"],
        ["a:1", "b:9", "p5"],
    ]


def test_what_contradicts_a_later_word_is_superseded() -> None:
    """No refresh for what was said before, or is delivered once more under another id of the event."""
    here = folded(tells("e1", "p1"), tells("e2", "p2"), judges("n", "p1", "p2", at=5))
    older, same = judges("s", "p1", "p2", at=1, merged=False), judges("m", "p1", "p2", at=5)
    result = fold(here, deliveries([older, same], NOW + 99 * HOUR), 0, HOUR)

    assert [type(outcome) for _, outcome in result.outcomes] == [Superseded, Superseded]


def test_an_old_value_said_anew_may_be_news_of_a_person_with_several_ids() -> None:
    """They left by one id; the other says later than that what it said before: they are here."""
    state = folded(
        tells("e1", "a:1", linkedin_url=MEMBER, title="CRO", at=1),
        tells("e2", "b:9", linkedin_url=MEMBER, at=2),
        tells("e3", "b:9", Movement.LEFT, at=5),
    )
    result = fold(state, deliveries([tells("e4", "a:1", title="CRO", at=7)], NOW + 99 * HOUR), 0, HOUR)

    assert present(state.roster) == {}
    assert [person.person_id for person in result.refreshes[0].people] == ["a:1"]


def test_an_address_of_long_ago_that_is_told_late_is_news() -> None:
    """It may be what makes two ids one person, so a refresh has to look at it; told again, it is not."""
    now = [tells("e1", "a:1", **{**JOHN, "linkedin_url": None, "email": "john@acme.test"}, at=9)]
    other = [tells("e2", "b:9", **JOHN)]
    profile, late = tells("e3", "a:1", linkedin_url=JOHN["linkedin_url"]), tells("e4", "a:1", email=JOHN["email"], at=1)
    state = folded(*now, *other, profile)
    result = fold(state, deliveries([late, tells("e5", "a:1", email=JOHN["email"], at=0)], NOW + 99 * HOUR), 0, HOUR)

    assert resolve(state.roster) == {}
    assert [person.person_id for person in result.refreshes[0].people] == ["a:1"]
    assert isinstance(result.outcomes[1][1], Superseded)
