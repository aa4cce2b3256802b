"""L4 and L6 for identity: who is one person does not depend on the order in which it was told, nor on batches."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.clusters import Clusters
from consumers.engine.evidence import MOST
from consumers.engine.fold import fold
from consumers.engine.identity import candidates, persons, resolve
from consumers.engine.state import CompanyState, Employment, Refresh
from schemas.events import PersonChange
from tests.laws.test_l6_the_log_is_the_truth import INTERVAL, run
from tests.support.changes import NOW, deliveries
from tests.support.people import HOUR, IDS, tales, tells


def roster(changes: list[PersonChange], before: CompanyState | None = None) -> dict[str, Employment]:
    """The roster after these changes, each of them refreshed; what a refresh has noted is left out."""
    start = NOW if before is None else NOW + 1000 * HOUR
    state = fold(before or CompanyState("acme"), deliveries(changes, start, 2 * HOUR), 0, HOUR).state
    return {who: one._replace(canonical_id=None) for who, one in state.roster.items()}


@given(tales(), st.data())
def test_any_permutation_and_duplication_gives_the_same_people(
    changes: list[PersonChange], data: st.DataObject
) -> None:
    """The same evidence, the same clusters, the same canonical ids, the same people with the same values."""
    again = data.draw(st.lists(st.sampled_from(changes), max_size=5))
    one, other = roster(changes), roster(data.draw(st.permutations(changes + again)))

    assert other == one
    assert resolve(other) == resolve(one)
    assert persons(other, resolve(other)) == persons(one, resolve(one))
    assert candidates(other) == candidates(one)


@given(tales(), st.data())
def test_any_split_into_folds_gives_the_same_people(changes: list[PersonChange], data: st.DataObject) -> None:
    """What is folded a week later into what was decided meanwhile leads to the same as all at once."""
    cut = data.draw(st.integers(0, len(changes)))
    before = fold(CompanyState("acme"), deliveries(changes[cut:], NOW, 2 * HOUR), 0, HOUR).state

    assert resolve(roster(changes[:cut], before)) == resolve(roster(changes))


@given(tales(), st.lists(st.integers(1, 6), max_size=15), st.data())
def test_any_batch_split_gives_the_same_identities(
    changes: list[PersonChange], sizes: list[int], data: st.DataObject
) -> None:
    """Rows, outcomes and refreshes, although a batch between two refreshes has only those whom it names (law L6)."""
    pauses = data.draw(st.lists(st.sampled_from([0, INTERVAL // 2, 3 * INTERVAL]), min_size=14, max_size=14))
    at, steps = NOW, []
    for offset, said in enumerate(changes):
        at += pauses[offset]
        steps.append(deliveries([said], at)[0]._replace(offset=offset))

    assert run(steps, sizes) == run(steps, [])


@given(tales())
def test_the_stored_canonical_ids_are_those_of_the_last_refresh(changes: list[PersonChange]) -> None:
    """What refreshes say was corrected, one after the other, leads from nothing to what is stored."""
    result = fold(CompanyState("acme"), deliveries(changes, NOW, 2 * HOUR), 0, HOUR)
    known_as: dict[str, str] = {}
    for refresh in result.refreshes:
        known_as |= _after(refresh, known_as)

    final = result.state.roster
    assert {who: one.canonical_id for who, one in final.items() if one.canonical_id} == resolve(final)
    assert {who: known_as.get(who, who) for who in final} == {
        who: one.canonical_id or who for who, one in final.items()
    }


@given(tales())
def test_every_change_that_matters_makes_a_refresh(changes: list[PersonChange]) -> None:
    """What is superseded changes nobody, under any of their ids: the last refresh has the people of the whole log."""
    result = fold(CompanyState("acme"), deliveries(changes, NOW, 2 * HOUR), 0, HOUR)
    everybody = persons(result.state.roster, resolve(result.state.roster)).values()
    last = result.refreshes[-1].people if result.refreshes else ()

    assert {(one.person_id, one.who.values, one.job.values) for one in last} == {
        (one.person_id, one.who.values, one.job.values) for one in everybody if one.present
    }


def _after(refresh: Refresh, known_as: Mapping[str, str]) -> dict[str, str]:
    for who, (was, _) in refresh.corrected.items():
        assert known_as.get(who, who) == was
    return {who: now for who, (_, now) in refresh.corrected.items()}


@given(st.permutations([(n, n % (MOST + 4)) for n in range(3 * (MOST + 4))]))
def test_evidence_is_bounded_in_any_order(said: list[tuple[int, int]]) -> None:
    """Of very many profiles of one id those count that were said last: the same ones in any order."""
    changes = [tells(f"e{at}", "p1", linkedin_url=f"linkedin.com/in/s{slug}", at=at) for at, slug in said]
    (one,) = roster(changes).values()

    assert len(one.evidence) == MOST
    assert roster(sorted(changes, key=lambda change: change.occurred_at)) == {"p1": one}


_PAIRS = st.lists(st.permutations(IDS).map(lambda ids: (ids[0], ids[1])), max_size=5)
_STRONG = st.fixed_dictionaries({who: st.dictionaries(st.just("m"), st.sampled_from("xy")) for who in IDS})


@given(_STRONG, _PAIRS, st.data())
def test_nobody_is_joined_against_a_member_id(
    strong: dict[str, dict[str, str]], pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Pairs that agree, in any order, join the same ids, and never two who have different member ids."""
    clusters, shuffled = Clusters(strong), Clusters(strong)
    clusters.join_where_nothing_speaks_against(pairs)
    shuffled.join_where_nothing_speaks_against(data.draw(st.permutations(pairs)))
    known_as = clusters.canonical()

    assert shuffled.canonical() == known_as
    for one in known_as:
        found = {strong[i]["m"] for i in known_as if known_as[i] == known_as[one] and strong[i]}
        assert len(found) <= 1
