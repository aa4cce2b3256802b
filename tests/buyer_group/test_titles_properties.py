"""What holds for every title there is, known or not."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumers.buyer_group import classify
from consumers.buyer_group.model import RANK, Function, Seniority
from consumers.buyer_group.titles import _vocabulary

_FLAGS: Final = {"interim", "acting", "deputy", "former", "seeking", "board", "support"}
_CONJUNCTION: Final = re.compile(r"\s(?:and|und|et|y|e)\s")
_ENTRIES: Final = _vocabulary()[0]
_PHRASES: Final = sorted(" ".join(tokens) for tokens in _ENTRIES)
_PAST: Final = "|".join(
    rf"\b{phrase}\b" for phrase in _PHRASES if _ENTRIES[tuple(phrase.split())].flags & {"former", "seeking"}
)
_WORDS: Final = frozenset(token for tokens in _ENTRIES for token in tokens)
_KEYWORDS: Final = sorted(tokens[0] for tokens in _ENTRIES if len(tokens) == 1)

_letters = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäéßñçøł"), max_size=4)
_titles = st.lists(st.sampled_from([*_PHRASES, "of", "at", "xyzzy", "|", ",", "&", "and", "-", "/"]), max_size=7).map(
    " ".join
)
_anything = st.text(max_size=60) | _titles


@given(_anything | st.text(st.characters(), max_size=60))
def test_reading_never_raises_and_answers_in_our_values(title: str) -> None:
    """Whatever somebody calls themselves, lone surrogates included, the answer is of the closed lists, or unknown."""
    reading = classify(title)
    assert reading.seniority is None or Seniority(reading.seniority) in RANK
    assert reading.function is None or Function(reading.function)
    assert reading.flags <= _FLAGS
    assert reading.rule
    assert 0 <= reading.confidence <= 1


@given(_anything)
def test_reading_twice_reads_the_same(title: str) -> None:
    """The answer depends on nothing but the title: no cache, no hash seed, no earlier title changes it."""
    first = classify(title)
    classify.cache_clear()
    assert classify(title) == first


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase, str.capitalize])
@given(title=_titles)
def test_case_does_not_matter(change: Callable[[str], str], title: str) -> None:
    """Shouted, whispered or in title case, a title says the same."""
    assert classify(change(title)) == classify(title)


@given(_titles.filter(str.strip), st.text(" \t\n\u00a0\u2003", max_size=4), st.text(" \t\n\u00a0\u2003", max_size=4))
def test_surrounding_space_does_not_matter(title: str, before: str, after: str) -> None:
    """Space that a form or a file left around a title says nothing."""
    assert classify(before + title + after) == classify(title)


@given(_titles)
def test_repeated_space_does_not_matter(title: str) -> None:
    """Two spaces are one."""
    assert classify(title.replace(" ", "  ")) == classify(title)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(title=_titles)
def test_the_unicode_form_does_not_matter(form: str, title: str) -> None:
    """An accent that is a character of its own (macOS writes so) is still that accent."""
    assert classify(unicodedata.normalize(form, title)) == classify(title)  # type: ignore[arg-type]  # one of the four


@given(before=_letters, after=_letters)
def test_letters_around_a_word_make_it_another_word(before: str, after: str) -> None:
    """CTO in direCTOr, intern in INTERNal, COO in COOrdinator: part of a word is never the word, whichever it is."""
    around = [unicodedata.normalize("NFKC", f"{before}{keyword}{after}").casefold() for keyword in _KEYWORDS]
    others = [word for word in around if word not in _WORDS]
    assert [word for word in others if classify(word).rule != "no known word"] == []
    assert [word for word in others if classify(f"{word} of {word}").seniority] == []


def _misread(phrase: str) -> bool:
    entry, reading = _ENTRIES[tuple(phrase.split())], classify(phrase)
    if entry.flags & {"former", "seeking"}:
        return reading.seniority != Seniority.UNPAID
    return (reading.seniority, reading.function, reading.rule) != (entry.seniority, entry.function, phrase)


def test_a_phrase_of_the_vocabulary_reads_as_itself() -> None:
    """No line of the vocabulary is out of reach, and none is shadowed by its own words."""
    phrases = [phrase for phrase in _PHRASES if not _CONJUNCTION.search(phrase)]
    assert len(phrases) > 500
    assert [phrase for phrase in phrases if _misread(phrase)] == []


@given(_titles)
def test_a_second_hat_never_lowers_the_level(title: str) -> None:
    """The highest current hat wins, so naming one more of no level changes nothing about the level."""
    assume(not classify(title).flags & {"support", "former", "seeking", "board"})
    assert classify(f"{title} | xyzzy").seniority == classify(title).seniority


@given(_titles)
def test_who_supports_somebody_is_never_that_somebody(title: str) -> None:
    """Whoever the boss is, their assistant is the gatekeeper, not the boss."""
    assume(not re.search(_PAST, title))
    reading = classify(f"Executive Assistant to {title}")
    assert reading.function == Function.ADMINISTRATIVE
    assert reading.seniority == Seniority.ENTRY


@given(_titles)
def test_a_former_job_gives_no_level(title: str) -> None:
    """One segment that begins with former says what somebody was."""
    single = re.sub(r"[|,&/-]|\b(?:and|und|et|y|e)\b", " ", title)
    reading = classify(f"Former {single}")
    assert (reading.seniority, reading.function) == (Seniority.UNPAID, None)
