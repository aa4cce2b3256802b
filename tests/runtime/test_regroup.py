"""What a refresh tells other services fits into a record, however large the texts are that it repeats."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import Member
from consumers.engine.fold import fold
from consumers.engine.register import Register
from consumers.engine.state import CompanyState, Refresh
from consumers.runtime.group_rows import told_of
from consumers.runtime.regroup import Regrouping
from consumers.workspaces.policies import Policies
from db.rows import BatchWrites, MemberHistoryRow, MemberRow
from schemas.codec import Codec
from schemas.events import MAX_ID_BYTES, MAX_TEXT_BYTES, Movement, Person, PersonChange
from tests.support.changes import NOW, change, deliveries

CODEC = Codec("buyer_group_updated")
RECORD_BYTES = 1_000_000
"""What a producer and a broker take unless told otherwise."""
TITLES = ("Chief Revenue Officer", "VP Marketing", "Head of Procurement", "General Counsel", "Sales Manager")


def person(number: int, title: str, movement: Movement, at: int) -> PersonChange:
    """Somebody whose texts are as long as the contract allows."""
    event_id = f"{movement}-{number}-".ljust(MAX_ID_BYTES, "e")
    made = change(event_id, "a" * MAX_ID_BYTES, f"{number}-".ljust(MAX_ID_BYTES, "p"), title, movement, at)
    assert made.person is not None
    object.__setattr__(made.person, "name", "n" * MAX_TEXT_BYTES)
    return made


def test_a_row_is_the_group_and_the_member() -> None:
    """Members are made into rows and back field by field, so their fields must stand in one order."""
    assert MemberRow._fields[2:] == Member._fields
    assert (*MemberHistoryRow._fields[:4], *MemberHistoryRow._fields[6:-1]) == MemberRow._fields


def _hash(change: PersonChange) -> str:
    folded = fold(CompanyState(change.company.id), deliveries([change]), NOW, 3_600_000)
    writes = BatchWrites("changes")
    Regrouping(writes, "updates", Policies(), lambda: 0).company(change.company.id, folded.refreshes, {})
    return writes.operations[0].input_hash


def test_a_line_is_of_all_who_were_one_before_and_of_all_who_are_since() -> None:
    """Bob is Cy now, and Ann is no more Bob: a line of Cy may repeat what was said of Ann; none of Di does."""
    corrected, together = {"ann": ("bob", "ann"), "bob": ("bob", "cy")}, {"cy": ("bob", "cy"), "di": ("di", "ed")}
    refresh = Refresh(NOW, "change", 1, ("e",), Register.empty(4), (), corrected, made_of=together)
    everybody = ("ann", "bob", "cy")
    assert told_of(refresh) == {"cy": everybody, "bob": ("ann", "bob"), "ann": ("ann", "bob"), "di": ("di", "ed")}


_TEXTS = st.sampled_from([None, "", "a", "None", "a\n", "ab"])


@given(st.tuples(*[_TEXTS] * 7), st.tuples(*[_TEXTS] * 7))
def test_only_equal_people_have_an_equal_hash(one: tuple[str | None, ...], other: tuple[str | None, ...]) -> None:
    """The hash of a refresh tells a value from none, and from the same value of another field."""
    first, second = (replace(change("e", "acme"), person=Person("p", *texts)) for texts in (one, other))
    assert (_hash(first) == _hash(second)) == (one == other)


def test_the_largest_update_fits_into_a_record() -> None:
    """One that did not would hold up all that follow it: everybody in a full group leaves, as many others join."""
    first = [person(n, TITLES[n % 5], Movement.JOINED, NOW + n) for n in range(100)]
    gone = [person(n, TITLES[n % 5], Movement.LEFT, NOW + 1000 + n) for n in range(100)]
    others = [person(n, TITLES[n % 5], Movement.JOINED, NOW + 2000 + n) for n in range(100, 200)]
    company = first[0].company.id
    hour, log = 3_600_000, deliveries(first, step=1)
    log += deliveries([*gone, *others], start=NOW + 2 * 3_600_000, step=1)
    folded = fold(CompanyState(company), log, NOW + 4 * hour, hour)
    writes = BatchWrites("changes")
    Regrouping(writes, "updates", Policies(), lambda: 0).company(company, folded.refreshes, {})

    largest = max(writes.outbox, key=lambda row: len(row.value))
    told = CODEC.decode(largest.value)
    assert {c["kind"] for c in told["changes"]} == {"joined", "left"}
    assert len(told["changes"]) >= 2 * 17
    assert len(told["cause"]["event_ids"]) == 100
    assert len(largest.value) < RECORD_BYTES / 2
