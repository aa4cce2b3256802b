"""What holds for every title there is, known or not."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from consumers.buyer_group import classify
from consumers.buyer_group.lexicon import AND, Entry, Node, is_unspaced
from consumers.buyer_group.loading import lexicon
from consumers.buyer_group.model import RANK, Function, Seniority
from consumers.buyer_group.titles import NOTHING, _classified
from consumers.buyer_group.wording import PAST, compound, known, read

_FLAGS: Final = {"interim", "acting", "deputy", "former", "seeking", "board", "support", "several_hats"}
_WORDS: Final = lexicon()


def _phrases(node: Node, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], tuple[Entry, ...]]]:
    """Every phrase of the vocabulary with its readings."""
    if node.readings:
        yield before, node.readings
    for token, after in node.after.items():
        yield from _phrases(after, (*before, token))


_ENTRIES: Final = dict(_phrases(_WORDS.root))
_SAYINGS: Final = sorted(
    {
        entries[0].phrase
        for tokens, entries in _ENTRIES.items()
        if not any(is_unspaced(token[0]) for token in tokens) and not {AND, PAST} & {*tokens}
    }
)
_PAST: Final = {"former", "seeking"}
_NOT_NOW: Final = sorted(e.phrase for entries in _ENTRIES.values() for e in entries if e.flags & _PAST)
_KEYWORDS: Final = sorted(
    tokens[0]
    for tokens, entries in _ENTRIES.items()
    if len(tokens) == 1 and tokens[0].isalpha() and tokens[0].isascii() and entries[0].seniority
)

_letters = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäéßñçøł"), max_size=4)
_titles = st.lists(st.sampled_from([*_SAYINGS, "of", "at", "xyzzy", "|", ",", "&", "and", "-", "/"]), max_size=7).map(
    " ".join
)
_anything = st.text(max_size=60) | _titles


@given(_anything | st.text(st.characters(), max_size=60))
@example("a" * 100_000)
@example("\ud800 CEO \x00")
def test_reading_never_raises_and_answers_in_our_values(title: str) -> None:
    """Whatever somebody calls themselves, lone surrogates included, the answer is of the closed lists, or unknown."""
    reading = classify(title)
    assert reading.seniority is None or Seniority(reading.seniority) in RANK
    assert reading.function is None or Function(reading.function)
    assert reading.flags <= _FLAGS
    assert reading.rule
    assert 0 <= reading.confidence <= 1


@given(_anything, st.none() | st.text(max_size=20), st.none() | st.text(max_size=20))
def test_reading_twice_reads_the_same(title: str, industry: str | None, country: str | None) -> None:
    """The answer depends on nothing but what was asked: no cache, no hash seed, no earlier title changes it."""
    first = classify(title, industry, country)
    for cached in (_classified, known, compound):
        cached.cache_clear()
    assert classify(title, industry, country) == first


@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase, str.capitalize])
@given(title=_titles)
def test_case_does_not_matter(change: Callable[[str], str], title: str) -> None:
    """Shouted, whispered or in title case, a title says the same."""
    assume("ı" not in title)  # noqa: RUF001  # in capitals it is an I, which only Turks read as dotless
    assert _without_rule(change(title)) == _without_rule(title)


def _without_rule(title: str) -> tuple[object, ...]:
    reading = classify(title)
    return reading.seniority, reading.function, reading.flags, reading.confidence


@given(_titles.filter(str.strip), st.text(" \t\n\u00a0\u2003", max_size=4), st.text(" \t\n\u00a0\u2003", max_size=4))
def test_surrounding_space_does_not_matter(title: str, before: str, after: str) -> None:
    """Space that a form or a file left around a title says nothing."""
    assert classify(before + title + after) == classify(title)


@given(_titles)
def test_repeated_space_does_not_matter(title: str) -> None:
    """Two spaces are one."""
    assume(len(title) < 150)
    assert classify(title.replace(" ", "  ")) == classify(title)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@given(title=_titles)
def test_the_unicode_form_does_not_matter(form: str, title: str) -> None:
    """An accent that is a character of its own (macOS writes so) is still that accent."""
    assume(len(title) < 150)
    assert classify(unicodedata.normalize(form, title)) == classify(title)  # type: ignore[arg-type]  # one of the four


@given(before=_letters, after=_letters)
def test_letters_around_a_word_make_it_another_word(before: str, after: str) -> None:
    """CTO in direCTOr, intern in INTERNal, COO in COOrdinator: part of a word is never the word, whichever it is.

    Only the ends of compounds are, which the vocabulary declares.
    """
    around = [unicodedata.normalize("NFKC", f"{before}{keyword}{after}").casefold() for keyword in _KEYWORDS]
    others = [word for word in around if known(word) not in _WORDS.tokens | {AND} and not compound(word)]
    assert [word for word in others if classify(word).rule != "no known word"] == []
    assert [word for word in others if classify(f"{word} of {word}").seniority] == []


def test_most_letters_around_a_word_make_no_compound() -> None:
    """The property above would hold nothing if everything were a compound."""
    assert len(_KEYWORDS) > 300
    assert sum(bool(compound(f"x{keyword}x")) for keyword in _KEYWORDS) == 0


def test_every_phrase_can_be_met() -> None:
    """A phrase that is written otherwise than titles are read would hold nothing."""
    met = {tokens: [read(entry.phrase) for entry in entries] for tokens, entries in _ENTRIES.items()}
    assert [tokens for tokens, words in met.items() if all(tokens not in map(tuple, some[:2]) for some in words)] == []


@pytest.mark.parametrize("tokens", [pytest.param(t, id=" ".join(t)) for t in sorted(_ENTRIES) if len(t) > 3])
def test_long_phrases_are_reached(tokens: tuple[str, ...]) -> None:
    """No long phrase is hidden by its words: what it says is what is read."""
    entries = _ENTRIES[tokens]
    reading = classify(entries[0].phrase)
    assert any(_agrees(reading.seniority, reading.flags, entry) for entry in entries), reading.rule


def _agrees(seniority: str | None, flags: frozenset[str], entry: Entry) -> bool:
    if entry.marks & {"of", "employer"}:
        return seniority is None
    if entry.flags & _PAST:
        return seniority == Seniority.UNPAID
    presumed = Seniority.ENTRY if "job" in entry.marks else None
    return seniority == (entry.seniority or presumed) and entry.flags <= flags


@given(_titles)
def test_a_second_hat_never_lowers_the_level(title: str) -> None:
    """The highest current hat wins, so naming one more of no level changes nothing about the level."""
    assume(not classify(title).flags & {"support", "former", "seeking", "board"})
    assume(len(title) < 150)
    assert classify(f"{title} | xyzzy").seniority == classify(title).seniority


@given(_titles)
def test_who_supports_somebody_is_never_that_somebody(title: str) -> None:
    """Whoever the boss is, their assistant is the gatekeeper, not the boss."""
    assume(not any(re.search(rf"\b{re.escape(word)}\b", title) for word in _NOT_NOW))
    reading = classify(f"Executive Assistant to {title}")
    assert reading.function == Function.ADMINISTRATIVE
    assert reading.seniority == Seniority.ENTRY


@given(st.lists(st.sampled_from([*_SAYINGS, "of", "xyzzy"]), max_size=5).map(" ".join))
def test_a_former_job_gives_no_level(title: str) -> None:
    """One segment that begins with former says what somebody was."""
    reading = classify(f"Former {title}")
    assert (reading.seniority, reading.function) == (Seniority.UNPAID, None)


@pytest.mark.parametrize("title", [None, "", " \t"])
def test_no_title_is_one_answer(title: str | None) -> None:
    """Nothing to read is told apart from nothing known."""
    assert classify(title) == NOTHING
