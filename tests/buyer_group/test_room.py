"""What is remembered of titles is bounded by length too: long texts, one after the other, must not fill the memory."""

import gc
import sys

import pytest

from consumers.buyer_group import DEFAULT_POLICY, CompanyFacts, Employee, derive_group, group, room
from consumers.buyer_group.titles import _read

LONG = "x" * 3900
LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def _little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CHARACTERS", LIMIT)
    monkeypatch.setattr(room, "_taken", LIMIT)  # so that the first text begins anew


def _derive(*people: Employee) -> list[str]:
    found = derive_group(CompanyFacts("c", "Acme", employee_count=100), people, DEFAULT_POLICY)
    return sorted(member.person_id for member in found)


@pytest.mark.parametrize("field", ["title", "department", "seniority", "country"])
def test_long_texts_do_not_fill_the_caches(field: str) -> None:
    """Thousands of them, no two alike, are read, and no more than there is room for are kept."""
    texts = {"title": "VP Sales"}
    for number in range(2000):
        assert _derive(Employee("p", "N", **texts | {field: f"VP Sales {number} {LONG}"})) == ["p"]
        assert group._seen.cache_info().currsize * len(LONG) <= LIMIT
        assert _read.cache_info().currsize * len(LONG) <= LIMIT

    gc.collect()
    kept = [text for key in gc.get_objects() if isinstance(key, tuple) for text in key if isinstance(text, str)]
    assert sum(sys.getsizeof(text) for text in {id(text): text for text in kept if LONG in text}.values()) < 3 * LIMIT


def test_what_is_short_stays_known() -> None:
    """Many usual titles have room: they are looked up, not read again."""
    people = [Employee(f"p{number}", "N", f"VP Sales {number}") for number in range(5000)]
    _derive(*people)
    before = group._seen.cache_info().misses
    _derive(*people)

    assert group._seen.cache_info().misses == before
