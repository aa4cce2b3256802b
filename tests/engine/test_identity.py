"""Who is one person at a company: the rules one by one, as they happen in life."""

from typing import Any

import pytest

from consumers.engine.identity import candidates, persons, resolve
from schemas.events import Movement, PersonChange
from tests.support.changes import NOW
from tests.support.people import JOHN, MEMBER, OTHER_MEMBER, judges, present, roster, tells


def people(*changes: PersonChange) -> list[set[str]]:
    """The ids of each person, of several ids first."""
    known = roster(*changes)
    canonical = resolve(known)
    found = {frozenset(i for i in known if canonical.get(i, i) == canonical.get(one, one)) for one in known}
    return [{*ids} for ids in sorted(found, key=lambda ids: (-len(ids), sorted(ids)))]


def test_one_member_id_is_one_person() -> None:
    """In whichever form the profile is written, whatever the name is."""
    profile = tells("e1", "a:1", linkedin_url=MEMBER, name="Ann Miller")
    urn = tells("e2", "b:9", linkedin_url="urn:li:fsd_profile:ACoAABcDeFgHiJkLm", name="A. Other")

    assert people(profile, urn) == [{"a:1", "b:9"}]


def test_a_name_that_changed_after_a_marriage_is_the_same_person() -> None:
    """The member id says so; the later name is hers."""
    known = roster(
        tells("e1", "a:1", linkedin_url=MEMBER, name="Ann Miller", at=1),
        tells("e2", "b:9", linkedin_url=MEMBER, name="Ann Jones", at=2),
    )

    (ann,) = persons(known, resolve(known)).values()
    assert ann.who.values[0] == "Ann Jones"


def test_a_profile_an_address_and_the_name_are_one_person() -> None:
    """Two identifiers of different kinds that agree with the name."""
    assert people(tells("e1", "a:1", **JOHN), tells("e2", "b:9", **{**JOHN, "name": "Smith, John A."})) == [
        {"a:1", "b:9"}
    ]


@pytest.mark.parametrize(
    "other",
    [
        {**JOHN, "email": None},
        {**JOHN, "linkedin_url": None},
        {**JOHN, "name": "Jane Smith"},
        {**JOHN, "name": None},
        {"name": "John Smith"},
    ],
)
def test_less_than_that_is_two_people(other: dict[str, Any]) -> None:
    """One identifier with the name, two against it, two without one, or the name alone: somebody has to look."""
    first, second = tells("e1", "a:1", **JOHN), tells("e2", "b:9", **other)

    assert people(first, second) == [{"a:1"}, {"b:9"}]
    assert [(c.one, c.other) for c in candidates(roster(first, second))] == [("a:1", "b:9")]


def test_two_john_smiths_stay_two_people() -> None:
    """Namesakes with profiles of their own are candidates for nobody but a reader of names."""
    one = tells("e1", "a:1", name="John Smith", linkedin_url=MEMBER)
    other = tells("e2", "b:9", name="John Smith", linkedin_url=OTHER_MEMBER)
    (found,) = candidates(roster(one, other))

    assert people(one, other) == [{"a:1"}, {"b:9"}]
    assert found.reasons == ("same name john smith",)
    assert found.against == "two of linkedin_member"


def test_a_family_that_shares_an_address_stays_a_family() -> None:
    """An address of their own and nothing else; the reader is told that the names are not the same."""
    john = tells("e1", "a:1", name="John Doe", email="doe@gmail.com")
    jane = tells("e2", "b:9", name="Jane Doe", email="d.oe@googlemail.com")
    (found,) = candidates(roster(john, jane))

    assert people(john, jane) == [{"a:1"}, {"b:9"}]
    assert found.reasons == ("same personal e-mail doe@gmail.com",)
    assert found.against == "other names"


def test_colleagues_of_one_mailbox_share_nothing() -> None:
    """`info@` is nobody's, so that even a namesake of the same profile is not enough."""
    shared = {**JOHN, "email": "info@acme.test"}

    assert people(tells("e1", "a:1", **shared), tells("e2", "b:9", **shared)) == [{"a:1"}, {"b:9"}]


def test_two_addresses_of_work_are_one_reason() -> None:
    """They come of one directory: two kinds are needed."""
    said = [
        tells(f"e{n}", person, name="John Smith", email=f"{alias}@acme.test", at=n)
        for n, (person, alias) in enumerate([("a:1", "john"), ("a:1", "js"), ("b:9", "john"), ("b:9", "js")])
    ]
    assert people(*said) == [{"a:1"}, {"b:9"}]


def test_a_slug_that_somebody_else_took_merges_nobody() -> None:
    """The old owner's earlier slug is the new owner's now; only the slug is shared, whatever the names are."""
    before = tells("e1", "a:1", name="John Smith", linkedin_url="linkedin.com/in/jsmith", at=1)
    moved = tells("e2", "a:1", linkedin_url="linkedin.com/in/john-smith-cro", at=2)
    taken = tells("e3", "b:9", name="John Smith", linkedin_url="linkedin.com/in/jsmith", at=3)

    assert people(before, moved, taken) == [{"a:1"}, {"b:9"}]


def test_an_earlier_profile_goes_on_to_count() -> None:
    """One provider has heard of the new slug, the other has not."""
    late = tells("e3", "a:1", linkedin_url="linkedin.com/in/john-the-cro", at=5)
    both = [tells("e1", "a:1", **JOHN, at=1), tells("e2", "b:9", **JOHN, at=2)]

    assert people(*both, late) == [{"a:1", "b:9"}]
    assert people(late, *both) == [{"a:1", "b:9"}]


def test_an_earlier_member_id_was_a_mistake() -> None:
    """It cannot change, so the later one corrects it; what rested on it is undone."""
    one, other = tells("e1", "a:1", linkedin_url=MEMBER, at=1), tells("e2", "b:9", linkedin_url=MEMBER, at=1)
    corrected = tells("e3", "a:1", linkedin_url=OTHER_MEMBER, at=2)

    assert people(one, other) == [{"a:1", "b:9"}]
    assert people(one, other, corrected) == people(corrected, other, one) == [{"a:1"}, {"b:9"}]


def test_a_member_id_is_not_lost_to_a_later_slug() -> None:
    """Half of bought data has one form, half the other."""
    one = [tells("e1", "a:1", linkedin_url=MEMBER, at=1), tells("e2", "a:1", linkedin_url="linkedin.com/in/x", at=2)]

    assert people(*one, tells("e3", "b:9", linkedin_url=MEMBER)) == [{"a:1", "b:9"}]


def test_two_member_ids_block_what_would_agree_otherwise() -> None:
    """Whatever else they share, in whichever order it was told."""
    weak = [tells("e1", "a:1", **JOHN, at=1), tells("e2", "b:9", **JOHN, at=1)]
    strong = [
        tells("e3", "a:1", linkedin_url=MEMBER, at=2),
        tells("e4", "b:9", linkedin_url=OTHER_MEMBER, at=2),
    ]

    assert people(*weak) == people(*weak, strong[0]) == [{"a:1", "b:9"}]
    assert people(*weak, *strong) == people(*strong, *weak) == [{"a:1"}, {"b:9"}]


def test_who_could_be_either_of_two_is_neither() -> None:
    """Between two people who cannot be one, nothing is guessed: a third id that agrees with both stays alone."""
    weak = [tells(f"e{n}", person, **JOHN, at=1) for n, person in enumerate(["a:1", "b:9", "c:5"])]
    strong = [tells("e8", "a:1", linkedin_url=MEMBER, at=2), tells("e9", "b:9", linkedin_url=OTHER_MEMBER, at=2)]
    known = roster(*weak, *strong)

    assert people(*weak, *strong) == [{"a:1"}, {"b:9"}, {"c:5"}]
    assert {(c.one, c.other) for c in candidates(known)} == {("a:1", "b:9"), ("a:1", "c:5"), ("b:9", "c:5")}


def test_an_identifier_that_everybody_has_tells_nobody_apart() -> None:
    """A test record's address: eleven people are not one, and the cost does not grow with the square."""
    shared = [tells(f"e{n}", f"p{n:02}", **JOHN) for n in range(11)]

    assert people(*shared[:10]) == [{f"p{n:02}" for n in range(10)}]
    assert len(people(*shared)) == 11
    assert candidates(roster(*shared)) == []


def test_what_is_said_of_two_ids_counts_more_than_what_agrees() -> None:
    """A merge joins two member ids, a split parts one."""
    two = [tells("e1", "p1", linkedin_url=MEMBER), tells("e2", "p2", linkedin_url=OTHER_MEMBER)]
    one = [tells("e1", "p1", linkedin_url=MEMBER), tells("e2", "p2", linkedin_url=MEMBER)]

    assert people(*two, judges("m", "p1", "p2")) == [{"p1", "p2"}]
    assert people(*one, judges("s", "p1", "p2", merged=False)) == [{"p1"}, {"p2"}]


def test_the_last_word_on_two_ids_counts() -> None:
    """By when it was said, not by when it came, nor by which of the two it named first."""
    here = [tells("e1", "p1"), tells("e2", "p2")]
    merge, split = judges("m", "p1", "p2", at=1), judges("s", "p2", "p1", at=2, merged=False)

    assert people(*here, merge, split) == people(*here, split, merge) == [{"p1"}, {"p2"}]
    assert people(*here, split, judges("m2", "p1", "p2", at=3)) == [{"p1", "p2"}]


def test_a_chain_of_merges_is_one_person_until_a_later_split_parts_it() -> None:
    """What was said last is kept whole; of what contradicts it, the earlier gives way."""
    here = [tells(f"e{n}", f"p{n}") for n in (1, 2, 3)]
    chain = [judges("m1", "p1", "p2", at=1), judges("m2", "p2", "p3", at=2)]

    assert people(*here, *chain) == [{"p1", "p2", "p3"}]
    assert people(*here, *chain, judges("s", "p1", "p3", at=3, merged=False)) == [{"p2", "p3"}, {"p1"}]
    assert people(*here, judges("s", "p1", "p3", at=0, merged=False), *chain) == [{"p1", "p2", "p3"}]


def test_what_is_said_of_an_id_that_nobody_knows_waits_for_it() -> None:
    """A merge that arrives before the people whom it merges."""
    merge = judges("m", "p1", "p2")
    known = roster(merge)

    assert resolve(known) == {}
    assert present(known) == {}
    assert people(merge, tells("e1", "p1"), tells("e2", "p2")) == [{"p1", "p2"}]


def test_a_split_takes_candidates_off_the_list() -> None:
    """Who has looked need not look again."""
    here = [tells("e1", "p1", name="John Smith"), tells("e2", "p2", name="John Smith")]

    assert len(candidates(roster(*here))) == 1
    assert candidates(roster(*here, judges("s", "p1", "p2", merged=False))) == []


def test_an_id_that_swallowed_the_others_is_the_canonical_one() -> None:
    """Then ids that are no provider's own, then the least."""
    ids = ("b:9", "a:1", "p7", "p3")
    said = [tells(f"e{i}", i, linkedin_url=MEMBER) for i in ids]

    assert set(resolve(roster(*said)).values()) == {"p3"}
    assert set(resolve(roster(*said[:2])).values()) == {"a:1"}
    assert set(resolve(roster(*said, judges("m", "p7", "p3"))).values()) == {"p7"}


def test_who_left_by_one_id_and_was_promoted_by_the_other() -> None:
    """What was said last counts, under whichever id; the field that it says nothing of stays."""
    ids = [tells("e1", "a:1", linkedin_url=MEMBER, title="VP Sales", at=1), tells("e2", "b:9", linkedin_url=MEMBER)]
    left = tells("e3", "a:1", Movement.LEFT, at=10)

    assert present(roster(*ids, left)) == {}
    assert present(roster(*ids, left, tells("e4", "b:9", title="CRO", at=5))) == {}
    assert present(roster(*ids, left, tells("e4", "b:9", title="CRO", at=15))) == {"a:1": "CRO"}


def test_a_rehire_under_another_id_is_the_same_person() -> None:
    """The provider gave them a new number; when they came is when they came back."""
    first = [tells("e1", "a:1", Movement.JOINED, linkedin_url=MEMBER, at=1), tells("e2", "a:1", Movement.LEFT, at=5)]
    known = roster(*first, tells("e3", "a:2", Movement.JOINED, linkedin_url=MEMBER, title="CRO", at=9))
    (one,) = persons(known, resolve(known)).values()

    assert (one.present, one.joined_at, one.first_seen_at) == (True, NOW + 9, NOW + 1)


def test_two_titles_under_one_id_are_one_job() -> None:
    """One id has one employment at a company: the title that was said last is the one that counts."""
    known = roster(tells("e1", "p1", title="CEO", at=1), tells("e2", "p1", title="Chair of the Board", at=2))

    assert present(known) == {"p1": "Chair of the Board"}
