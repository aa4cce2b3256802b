"""What settles a title that its words leave open: industry, country, the other words; and nothing else."""

import os
import subprocess
import sys

import pytest

from consumers.buyer_group import Employee, classify, read_employee
from tests.support.titles import SETS, languages, said


@pytest.mark.parametrize(
    ("title", "industry", "function"),
    [
        ("CRO", None, "sales"),
        ("CRO", "Banking", "legal"),
        ("CRO", "Investment Banking", "legal"),
        ("CIO", "Venture Capital & Private Equity", "finance"),
        ("CIO", "Software", "it"),
        ("CCO", "Insurance", "legal"),
        ("CSO", "Biotechnology", "research"),
        ("CMO", "Hospital & Health Care", "other"),
        ("CRO", "a trade that nobody knows", "sales"),
    ],
)
def test_the_industry_settles_a_short_form(title: str, industry: str | None, function: str) -> None:
    """Revenue or risk: the company says which."""
    assert said(title, industry) == ("c_level", function)


def test_other_readings_are_told_and_settling_one_makes_it_sure() -> None:
    """A seller sees what else it may mean; a hint raises the confidence and lists the default among the others."""
    open_, settled = classify("CRO"), classify("CRO", "Banking")
    assert ("c_level", "legal", "chief risk officer") in [
        (other.seniority, other.function, other.meaning) for other in open_.alternatives
    ]
    assert "chief revenue officer" in [other.meaning for other in settled.alternatives]
    assert settled.confidence > open_.confidence
    assert classify("CFO").alternatives == ()


def test_a_banks_vice_president_is_a_manager() -> None:
    """Banks grade by titles; without a bank a vice president is one, and no guess."""
    assert said("Vice President", "Banking")[0] == "manager"
    assert said("Vice President")[0] == "vp"
    assert classify("Vice President, Finance").confidence == classify("Director, Finance").confidence
    assert said("Senior Vice President", "Banking")[0] == "vp"


@pytest.mark.parametrize(
    ("title", "country", "level"),
    [
        ("VD", None, "c_level"),
        ("VD", "US", "vp"),
        ("GM", "China", "c_level"),
        ("GM", "United States", "manager"),
        ("Chef", None, "entry"),
        ("Chef", "SE", "head"),
        ("Chef", "Sverige", "head"),
        ("Chef", "no such country", "entry"),
    ],
)
def test_the_country_settles_words_that_languages_share(title: str, country: str | None, level: str) -> None:
    """A chef cooks in London and leads in Stockholm."""
    assert classify(title, country=country).seniority == level


def test_the_other_words_of_a_title_tell_its_language() -> None:
    """Without a country, the words beside a shared one say which language it is."""
    assert classify("Chef inom vården").seniority == "head"
    assert classify("Chef at Hotel Ritz").function == "other"
    assert classify("Chef, intern kommunikation").seniority != "training"
    assert classify("Intern, Communications").seniority == "training"


@pytest.mark.parametrize(
    ("title", "level", "function"),
    [
        ("Financial Reporting Manager", "manager", "finance"),
        ("Order to Cash Manager", "manager", "finance"),
        ("Ad Operations Manager", "manager", "operations"),
        ("Founder of an early stage startup", "owner", "executive"),
        ("Leiter Vertrieb Muster AG", "head", "sales"),
        ("SE Asia Sales Director", "director", "sales"),
    ],
)
def test_a_short_word_of_one_language_spoils_no_other(title: str, level: str, function: str) -> None:
    """AD leads a company in Italy, AG is no network, stage is no traineeship in English."""
    assert said(title) == (level, function)


def test_a_reading_does_not_depend_on_the_process() -> None:
    """Sets have another order in every process; titles are read alike all the same (law L6)."""
    titles = "\n".join(row.title for name in SETS for rows in languages(name).values() for row in rows)
    seen = {
        subprocess.run(
            [sys.executable, "-m", "cli", "classify", "--json"],
            input=titles,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(seen) == 1


def test_an_employees_country_and_a_companys_industry_are_used() -> None:
    """What the roster knows of a person and a company settles their titles."""
    assert read_employee(Employee("p", title="Chef", country="SE")).seniority == "head"
    assert read_employee(Employee("p", title="CRO"), "Banking").function == "legal"


def test_a_title_is_read_as_far_as_titles_go() -> None:
    """A novel in the title field costs no more than a long title."""
    assert classify("Head of Sales " + "x " * 100_000).seniority == "head"
    assert classify("x " * 100_000 + "Head of Sales").seniority is None
