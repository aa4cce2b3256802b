"""The vocabulary as data: what its files may hold, what a mistake in them is told, and a new language without code."""

import pytest

from consumers.buyer_group import read_vocabulary
from consumers.buyer_group.loading import build, lexicon, table
from consumers.buyer_group.model import Function


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("boss\tking\t-", "line 1: 'king' is not a valid Seniority"),
        ("# a remark\nboss\thead\tcooking", "line 2: 'cooking' is not a valid Function"),
        ("boss\thead\t-\tbig", "line 1: unknown mark big"),
        ("boss\thead", "line 1: "),
        ("boss\thead\t-\nboss\tmanager\t-", "line 2: 'boss' stands twice in this language, with two meanings"),
        ("@colour red", "line 1: '@colour red' is neither a phrase nor a setting"),
        ("boss", "line 1: 'boss' is neither a phrase nor a setting"),
        ("a/b\thead\t-", "line 1: 'a/b' holds /, which ends every phrase"),
        ("@joins plus\nplus\thead\t-", "line 2: 'plus' is a word for \"and\" in some language"),
    ],
)
def test_a_wrong_line_is_named(text: str, complaint: str) -> None:
    """Who edits a file is told the file, the line and what is wrong with it."""
    with pytest.raises(ValueError, match=r"vocabulary/xx\.tsv") as caught:
        build({"xx": text})
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cxx\tc_level\t-\tchief", "cxx needs a default first, and another office"),
        ("cxx\tc_level\t-\tchief\tindustry:bank\ncxx\tvp\t-\tother", "cxx needs a default first"),
        ("cxx\tking\t-\tchief", "line 1: 'king' is not a valid Seniority"),
    ],
)
def test_a_wrong_short_form_is_named(text: str, complaint: str) -> None:
    """A short form has a default and at least one more office."""
    with pytest.raises(ValueError, match=r"vocabulary/short_forms\.tsv") as caught:
        build({}, text)
    assert complaint in str(caught.value)


def test_the_vocabulary_can_be_read_before_the_first_title() -> None:
    """A consumer reads it at its start, where a mistake stops it, and not with its first batch."""
    lexicon.cache_clear()
    read_vocabulary()
    assert lexicon.cache_info().currsize == 1


def test_the_same_said_twice_is_no_mistake() -> None:
    """Two lines may overlap where they agree."""
    words = build({"xx": "boss|chief\thead\t-\nboss\thead\t-"})
    assert len(words.root.after["boss"].readings) == 1


def test_a_phrase_may_be_written_in_many_ways_at_once() -> None:
    """Alternatives, optional words, several phrases, and words that inflect, are one line."""
    words = build({"xx": "@endings a om\nbig|great boss~ of? all; chief\thead\t-"})
    assert sorted(words.root.after) == ["big", "chief", "great"]
    assert words.forms == {"boss": "boss~", "bossa": "boss~", "bossom": "boss~"}
    assert sorted(words.root.after["big"].after["boss~"].after) == ["all", "of"]


def test_a_language_is_added_by_a_file_alone() -> None:
    """Norwegian Bokmål, say: settings, inflection, compounds and phrases come from its text."""
    words = build(
        {"nb": "@countries no\n@joins eller\n@fold å=aa\n-sjef\thead\t-\ninnkjøp\t-\tprocurement\nrådgiver\t-\t-\tjob"}
    )
    assert words.countries == {"no": {"nb"}}
    assert words.joins == {"eller"}
    assert words.heads["sjef"][0].seniority == "head"
    assert words.words["innkjop"][0].function == Function.PROCUREMENT
    assert words.forms["raadgiver"] == "rådgiver"


def test_two_languages_may_mean_different_things_by_a_word() -> None:
    """Neither file need know of the other; what they agree on is one reading."""
    words = build({"en": "chef\t-\tother\tjob\ndirector\tdirector\t-", "sv": "chef\thead\t-\ndirector\tdirector\t-"})
    assert [entry.languages for entry in words.root.after["chef"].readings] == [("en",), ("sv",)]
    assert [entry.languages for entry in words.root.after["director"].readings] == [("en", "sv")]


def test_every_hint_of_a_short_form_can_be_given() -> None:
    """A kind of industry or a country that no table knows would never settle anything."""
    kinds = {f"industry:{kind}" for kind, *_ in table("industries")}
    codes = {f"country:{code}" for code, *_ in table("countries")}
    hints = set().union(*(cells[4].split() for cells in table("short_forms") if len(cells) > 4)) - {"sure"}
    assert hints <= kinds | codes


def test_the_countries_of_languages_have_names() -> None:
    """Who has only a country's name gets its languages too."""
    assert lexicon().countries.keys() <= {code for code, *_ in table("countries")}
