"""Titles as people write them, read as a seller would read them."""

from pathlib import Path
from typing import Final

import pytest

from consumers.buyer_group import Employee, classify, read_employee
from consumers.buyer_group.model import Function, Seniority

Labelled = tuple[str, str, str]


def _labelled(name: str) -> list[Labelled]:
    lines = (Path(__file__).parent / name).read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(title, level, function) for title, level, function in rows]


_PLAIN: Final = _labelled("titles_plain.tsv")
_TRAPS: Final = _labelled("titles_traps.tsv")


def test_the_labels_are_enough_and_are_values_that_exist() -> None:
    """A label with a typing error would hold nothing; a table that shrinks is noticed."""
    labels = [*_PLAIN, *_TRAPS]
    assert len({title for title, _, _ in labels}) == len(labels) >= 400
    assert {level for _, level, _ in labels} <= {*Seniority, "-", "?"}
    assert {function for _, _, function in labels} <= {*Function, "-", "?"}


def _hold(title: str, level: str, function: str) -> None:
    reading = classify(title)
    named = "-" if reading.presumed else reading.seniority or "-"
    assert level in ("?", named), reading.rule
    assert function in ("?", reading.function or "-"), reading.rule


@pytest.mark.parametrize(("title", "level", "function"), _PLAIN)
def test_a_title_says_its_level_and_function(title: str, level: str, function: str) -> None:
    """The titles of those who buy are read as what they are, in English, German, French and Spanish."""
    _hold(title, level, function)


@pytest.mark.parametrize(("title", "level", "function"), _TRAPS)
def test_a_misleading_title_misleads_nobody(title: str, level: str, function: str) -> None:
    """Words within words, offices of others, past jobs, employers, several hats and odd spelling are seen through."""
    _hold(title, level, function)


@pytest.mark.parametrize(
    "title",
    [
        "Director",
        "Directory Services",
        "Factory Manager",
        "Doctor",
        "Contractor",
        "Inspector",
        "Instructor",
        "Sector Specialist",
        "Coordinator",
        "Micro Services Engineer",
        "Cross Channel Marketing",
        "Vice President",
        "Product Owner",
        "Process Owner",
        "Business Partner",
        "HR Business Partner",
        "Chief of Staff",
        "Chief Engineer",
        "Chief Architect",
        "Account Executive",
        "Loan Officer",
        "Compliance Officer",
        "Chef de projet",
        "Assistant to the President",
        "EA to the CEO",
        "Office of the CFO",
        "Former CEO",
        "ex-CTO",
        "CEO Emeritus",
        "Consultant at CEO Partners",
        "Non-Executive Director",
        "Board of Directors",
        "International Sales",
        "Negocios",
    ],
)
def test_nobody_is_made_a_chief_by_a_word_that_is_none(title: str) -> None:
    """The original made a chief of every director, factory hand and coordinator; none of these leads a company."""
    assert classify(title).seniority not in (Seniority.OWNER, Seniority.C_LEVEL, Seniority.PARTNER)


@pytest.mark.parametrize("title", ["Internal Audit Manager", "International Sales", "Internist", "Internet Marketing"])
def test_nobody_is_made_an_intern_by_a_word_that_is_none(title: str) -> None:
    """An intern within a longer word would throw an auditor out of the group."""
    assert classify(title).seniority != Seniority.TRAINING


@pytest.mark.parametrize("title", [None, "", " ", "\u2003\t\n", "\u00a0"])
def test_no_title_says_nothing(title: str | None) -> None:
    """Unknown stays unknown, never `entry`."""
    reading = classify(title)
    assert (reading.seniority, reading.function, reading.flags, reading.confidence) == (None, None, frozenset(), 0.0)
    assert reading.rule == "no title"


@pytest.mark.parametrize("title", ["qwerty", "12345", "🚀", "!!!", "日本"])
def test_a_title_of_no_known_word_says_nothing(title: str) -> None:
    """What is not understood is not guessed, and the reason says so."""
    reading = classify(title)
    assert (reading.seniority, reading.function, reading.rule) == (None, None, "no known word")
    assert reading.confidence == 0.0


@pytest.mark.parametrize(
    ("title", "flag"),
    [
        ("Interim CFO", "interim"),
        ("CFO (interim)", "interim"),
        ("Fractional CMO", "interim"),
        ("Acting CEO", "acting"),
        ("Deputy Head of Sales", "deputy"),
        ("Stellvertretender Leiter Vertrieb", "deputy"),
        ("Former CEO", "former"),
        ("ehemaliger Geschäftsführer", "former"),
        ("Open to work", "seeking"),
        ("CFO, Board Member", "board"),
        ("Assistant to the CEO", "support"),
        ("Assistenz der Geschäftsführung", "support"),
    ],
)
def test_what_qualifies_a_job_is_kept_as_a_flag(title: str, flag: str) -> None:
    """Interim, acting and deputy keep the level; the flag tells a seller to look twice."""
    assert classify(title).flags == {flag}


@pytest.mark.parametrize("title", ["CEO (former CFO)", "Head of Sales | ex-Google", "Formerly CTO, now VP Engineering"])
def test_a_past_job_beside_a_current_one_leaves_no_mark(title: str) -> None:
    """Almost everybody has a past; only who has nothing else is former."""
    reading = classify(title)
    assert "former" not in reading.flags
    assert reading.seniority != Seniority.UNPAID


@pytest.mark.parametrize("title", ["CRO", "CCO", "CIO", "CPO", "CDO", "CSO", "MD"])
def test_letters_of_several_offices_lower_the_confidence(title: str) -> None:
    """Revenue or risk, product or people: the reading is the likely one, and says that it is not sure."""
    assert 0 < classify(title).confidence < classify("CFO").confidence <= 1


@pytest.mark.parametrize(
    "title", ["Software Engineer", "Buchhalterin", "営業担当", "Специалист по закупкам", "Recruiter"]
)
def test_an_occupation_without_a_level_is_presumed_to_be_an_entry(title: str) -> None:
    """LinkedIn and Apollo call it so; the reading says that nobody named it, and is less sure."""
    reading = classify(title)
    assert (reading.seniority, reading.presumed) == (Seniority.ENTRY, True)
    assert reading.confidence < classify("Junior Accountant").confidence
    assert "an occupation without a level" in reading.rule


@pytest.mark.parametrize("title", ["Sales", "Vertrieb", "Marketing & Communication", "人事部", "Отдел продаж"])
def test_a_department_is_no_level(title: str) -> None:
    """Where somebody works says nothing about how high."""
    reading = classify(title)
    assert (reading.seniority, reading.presumed) == (None, False)
    assert reading.function


def test_the_rule_names_the_phrases_that_decided() -> None:
    """A seller who asks why sees the words of the title."""
    assert classify("Senior Director, Product Marketing").rule == "senior director, product marketing"


def _read(title: str | None, seniority: str | None, department: str | None) -> tuple[str | None, str | None]:
    reading = read_employee(Employee("p", title=title, seniority=seniority, department=department))
    return reading.seniority, reading.function


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("cxo", "c_level"),
        ("C-Suite", "c_level"),
        ("c_suite", "c_level"),
        ("C Level Exec", "c_level"),
        ("VP Level Exec", "vp"),
        ("Vice President", "vp"),
        ("founder", "owner"),
        ("intern", "training"),
        *((level, level) for level in Seniority),
        ("Director", "director"),
        ("head", "head"),
        ("no such level", None),
        ("", None),
    ],
)
def test_a_providers_level_fills_in_what_the_title_leaves_open(said: str, level: str | None) -> None:
    """LinkedIn's, Apollo's, People Data Labs' and ZoomInfo's words for levels are ours, differently spelled."""
    assert _read("Sales", said, None) == (level, "sales")


def test_a_providers_level_counts_more_than_a_presumed_one() -> None:
    """A software engineer of whom the provider says that they are a senior is one."""
    reading = read_employee(Employee("p", title="Software Engineer", seniority="senior"))
    assert (reading.seniority, reading.function, reading.presumed) == ("senior", "engineering", False)
    assert "stated level senior" in reading.rule
    assert read_employee(Employee("p", title="Software Engineer", seniority="?")).seniority == "entry"


def test_a_providers_department_fills_in_what_the_title_leaves_open() -> None:
    """A director of we do not know what, in a department we do, is a director there."""
    assert _read("Director", None, "Human Resources") == ("director", "hr")


def test_the_title_counts_more_than_the_providers_words() -> None:
    """What the person writes is nearer to the truth than a provider's category."""
    assert _read("VP Sales", "entry", "Engineering") == ("vp", "sales")


def test_the_providers_words_alone_are_enough_and_are_named() -> None:
    """Without any title the provider's words count, with less confidence, and the rule says whose they are."""
    reading = read_employee(Employee("p", seniority="cxo", department="Finance"))
    assert (reading.seniority, reading.function) == ("c_level", "finance")
    assert "stated level cxo" in reading.rule
    assert "stated department Finance" in reading.rule
    assert 0 < reading.confidence <= 0.6
