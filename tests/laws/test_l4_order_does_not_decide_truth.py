"""L4: for each field the value with the greatest (occurred at, source, event id) wins, whatever the order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.fold import fold
from consumers.engine.state import CompanyState
from schemas.events import PERSON_TYPES, ChangeType, Movement, PersonChange
from tests.support.changes import change, deliveries, histories

HOUR = 3_600_000
Roster = dict[str, tuple[object, ...]]


def folded(changes: list[PersonChange]) -> CompanyState:
    """The state after these deliveries, one batch."""
    return fold(CompanyState("acme"), deliveries(changes), 0, HOUR).state


def joined(changes: list[PersonChange]) -> tuple[Roster, tuple[object, ...]]:
    """Law L4 by its definition, without registers: roster and facts as the greatest stamp says, field by field."""
    people: dict[str, dict[str, tuple[tuple[int, str, str], object]]] = {}
    facts: dict[str, tuple[tuple[int, str, str], object]] = {}

    def say(into: dict[str, tuple[tuple[int, str, str], object]], name: str, value: object, by: PersonChange) -> None:
        stamp = (by.occurred_at, by.source, by.event_id)
        if value is not None and (name not in into or stamp > into[name][0]):
            into[name] = (stamp, value)

    for said in changes:
        if said.type not in PERSON_TYPES and said.type != ChangeType.REFRESH_REQUESTED:
            continue
        say(facts, "name", said.company.name, said)
        say(facts, "size", said.company.employee_count, said)
        if said.person is None or said.type not in PERSON_TYPES:
            continue
        person = people.setdefault(said.person.id, {})
        say(person, "present", None if said.movement is Movement.UNSTATED else said.movement is not Movement.LEFT, said)
        say(person, "name", said.person.name, said)
        if said.movement is not Movement.LEFT:
            say(person, "title", said.person.title, said)
            say(person, "department", said.person.department, said)

    def values(of: dict[str, tuple[tuple[int, str, str], object]], *names: str) -> tuple[object, ...]:
        return tuple(of[name][1] if name in of else None for name in names)

    roster = {
        who: ("present" in fields and fields["present"][1], *values(fields, "name", "title", "department"))
        for who, fields in people.items()
    }
    return roster, values(facts, "name", "size")


def seen(state: CompanyState) -> tuple[Roster, tuple[object, ...]]:
    """A state in the same shape."""
    roster: Roster = {
        who: (employment.present, employment.who.values[0], employment.job.values[1], employment.job.values[2])
        for who, employment in state.roster.items()
    }
    return roster, (state.facts.values[0], state.facts.values[3])


@given(histories())
def test_the_roster_is_the_join_of_all_changes(changes: list[PersonChange]) -> None:
    """Roster and facts are what the greatest stamp says of each field."""
    assert seen(folded(changes)) == joined(changes)


@given(histories(), st.data())
def test_any_permutation_and_duplication_gives_the_same_roster(
    changes: list[PersonChange], data: st.DataObject
) -> None:
    """Late, reordered and repeated deliveries lead to the same people, values and stamps."""
    again = data.draw(st.lists(st.sampled_from(changes), max_size=5))
    shuffled = data.draw(st.permutations(changes + again))

    one, other = folded(changes), folded(shuffled)

    assert other.roster == one.roster
    assert other.facts == one.facts


@given(histories(), st.data())
def test_any_split_into_folds_gives_the_same_roster(changes: list[PersonChange], data: st.DataObject) -> None:
    """What is folded a week later into what is there leads to the same as all at once."""
    cut = data.draw(st.integers(0, len(changes)))
    before = fold(CompanyState("acme"), deliveries(changes[cut:]), 0, HOUR).state
    after = fold(before, deliveries(changes[:cut]), 0, HOUR).state

    assert after.roster == folded(changes).roster
    assert after.facts == folded(changes).facts


def test_who_left_is_not_brought_back_by_an_older_change() -> None:
    """A promotion of last month that arrives after this month's departure changes nothing of presence."""
    left = change("e2", movement=Movement.LEFT, occurred_at=2_000)
    promoted = change("e1", title="CEO", occurred_at=1_000)

    for order in ([left, promoted], [promoted, left]):
        roster = folded(order).roster
        assert not roster["p1"].present


def test_who_came_back_is_there_again() -> None:
    """Presence follows the latest word, in both directions."""
    left, back = change("e1", movement=Movement.LEFT, occurred_at=1), change("e2", occurred_at=2)

    assert folded([back, left]).roster["p1"].present


def test_changes_of_one_moment_are_ordered_by_source_and_event_id() -> None:
    """A tie of time is broken by what is in the change, so that all consumers break it alike."""
    one, two = change("e9", source="a", title="CEO"), change("e1", source="b", title="CRO")
    rng = random.Random(7)

    for _ in range(10):
        order = [one, two]
        rng.shuffle(order)
        assert folded(order).roster["p1"].job.values[1] == "CRO"


def test_a_hint_does_not_bring_back_whom_a_late_departure_takes_away() -> None:
    """What is said of somebody wherever they are says not that they are here, however late the truth arrives."""
    here = change("e1", movement=Movement.JOINED)
    hint = change("e2", title="VP Sales", movement=Movement.UNSTATED, occurred_at=here.occurred_at + 20)
    left = change("e3", movement=Movement.LEFT, occurred_at=here.occurred_at + 10)

    for order in ([here, hint, left], [here, left, hint], [hint, left, here]):
        person = folded(order).roster["p1"]
        assert not person.present
        assert person.job.values[1] == "VP Sales"
    assert folded([here, hint]).roster["p1"].present
    assert not folded([hint]).roster["p1"].present
