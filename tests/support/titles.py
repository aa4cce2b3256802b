"""Labelled titles, and how well they are read: `python -m tests.support.titles` prints the table of docs/titles.md."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from consumers.buyer_group import classify
from consumers.buyer_group.model import Function, Seniority

FOLDER: Final = Path(__file__).parents[1] / "buyer_group"
SETS: Final = ("labelled", "held_out")
LEVELS: Final = frozenset({*Seniority, "-"})
FUNCTIONS: Final = frozenset({*Function, "-"})


class Labelled(NamedTuple):
    """A title and what it says; several values are as right as one another, - is unknown."""

    title: str
    levels: frozenset[str]
    functions: frozenset[str]


class Accuracy(NamedTuple):
    """How many of so many titles are read right."""

    titles: int
    levels: int
    functions: int

    @property
    def level(self) -> float:
        """The share of levels that are right."""
        return self.levels / self.titles

    @property
    def function(self) -> float:
        """The share of functions that are right."""
        return self.functions / self.titles


def said(title: str, industry: str | None = None, country: str | None = None) -> tuple[str | None, str | None]:
    """A title's level and function."""
    reading = classify(title, industry, country)
    return reading.seniority, reading.function


def labelled(path: Path) -> list[Labelled]:
    """The titles of a file."""
    lines = path.read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("# ")]
    return [Labelled(title, frozenset(level.split("|")), frozenset(f.split("|"))) for title, level, f in rows]


def languages(name: str) -> dict[str, list[Labelled]]:
    """The titles of a set, by language."""
    return {path.stem: labelled(path) for path in sorted((FOLDER / name).glob("*.tsv"))}


def accuracy(rows: Iterable[Labelled]) -> Accuracy:
    """How well they are read, without any context."""
    read = [(classify(row.title), row) for row in rows]
    levels = sum((reading.seniority or "-") in row.levels for reading, row in read)
    functions = sum((reading.function or "-") in row.functions for reading, row in read)
    return Accuracy(len(read), levels, functions)


def report() -> str:
    """Accuracy by language of both sets, as a Markdown table."""
    sets = [languages(name) for name in SETS]
    head = "| language | labelled | level | function | held out | level | function |"
    lines = [_line(language, [accuracy(rows[language]) for rows in sets]) for language in sets[0]]
    total = _line("all", [accuracy(row for rows in found.values() for row in rows) for found in sets])
    return "\n".join([head, "|---|--:|--:|--:|--:|--:|--:|", *lines, total])


def _line(name: str, seen: Iterable[Accuracy]) -> str:
    cells = [cell for one in seen for cell in (str(one.titles), f"{one.level:.0%}", f"{one.function:.0%}")]
    return f"| {' | '.join([name, *cells])} |"


if __name__ == "__main__":
    print(report())  # noqa: T201  # a report is printed
