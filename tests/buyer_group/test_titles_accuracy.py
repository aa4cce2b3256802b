"""How well titles of sixteen languages are read; docs/titles.md argues the labels and shows the figures."""

import pytest

from consumers.buyer_group.loading import lexicon
from tests.support.titles import FUNCTIONS, LEVELS, SETS, accuracy, languages

LANGUAGES = ["en", "de", "fr", "es", "pt", "it", "nl", "sv", "da", "fi", "pl", "tr", "ru", "zh", "ja", "ko"]


@pytest.mark.parametrize("name", SETS)
def test_the_labels_are_enough_and_are_values_that_exist(name: str) -> None:
    """A label with a typing error would hold nothing; a set that shrinks, or loses a language, is noticed."""
    found = languages(name)
    rows = [row for some in found.values() for row in some]
    assert sorted(found) == sorted(LANGUAGES)
    assert len({row.title for row in rows}) >= (600 if name == "labelled" else 350)
    assert frozenset().union(*(row.levels for row in rows)) <= LEVELS
    assert frozenset().union(*(row.functions for row in rows)) <= FUNCTIONS


def test_no_title_that_is_held_back_is_in_the_other_set() -> None:
    """What the rules were tuned on says nothing about what they were not."""
    tuned = {row.title for rows in languages("labelled").values() for row in rows}
    assert [row.title for rows in languages("held_out").values() for row in rows if row.title in tuned] == []


@pytest.mark.parametrize(("name", "level", "function"), [("labelled", 0.97, 0.97), ("held_out", 0.90, 0.85)])
def test_titles_are_read_right(name: str, level: float, function: float) -> None:
    """Over all languages: nine of ten levels and more, seventeen of twenty functions and more."""
    found = accuracy(row for rows in languages(name).values() for row in rows)
    assert found.level >= level
    assert found.function >= function


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SETS)
def test_no_language_is_read_badly(name: str, language: str) -> None:
    """A good average hides no language that nobody can use."""
    found = accuracy(languages(name)[language])
    assert found.level >= 0.85
    assert found.function >= 0.80


def test_every_language_has_a_vocabulary_of_its_own() -> None:
    """Each language is spoken by its file: it knows the countries where it is spoken."""
    spoken = set().union(*lexicon().countries.values())
    assert spoken == set(LANGUAGES)
