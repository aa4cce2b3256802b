"""`person-changes classify`: read titles as the consumer does, and see why."""

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, Protocol, TextIO

import typer

from cli.output import note, printable

if TYPE_CHECKING:
    from consumers.buyer_group import TitleReading

LONGEST_LINE: Final = 65_536
"""Bytes of a line that are read; what follows in it is dropped, so that no input takes all memory."""
COLUMNS: Final = ("TITLE", "SENIORITY", "FUNCTION", "CONFIDENCE", "FLAGS", "RULE")
_WIDTHS: Final = (44, 9, 16, 10, 16)

Industry = Annotated[
    str | None,
    typer.Option(
        help="The company's industry, in a provider's words: a bank's CRO answers for risk.", show_default=False
    ),
]
Country = Annotated[
    str | None,
    typer.Option(help="The person's country, code or name: settles words that languages share.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document a line instead of a table.")]


def classify_command(industry: Industry = None, country: Country = None, as_json: Json = False) -> None:
    """Read titles on standard input, one a line, into level and function.

    Every line is answered by one line, in order, as soon as it is there. What is not known stays empty (null in JSON).
    The levels, the functions and how a title is read are told in docs/titles.md.
    """
    from consumers.buyer_group import classify  # noqa: PLC0415  # the vocabulary, which --help does without

    if sys.stdin.isatty():
        note("reading titles, one a line; Ctrl-D ends")
    titles = Titles(sys.stdin.buffer)
    printer: Printer = JsonLines(sys.stdout) if as_json else TableLines(sys.stdout)
    try:
        printer.start()
        for some in titles.arriving():
            for title in some:
                printer.line(title, classify(title, industry, country))
            sys.stdout.flush()
    except BrokenPipeError:
        _leave_quietly()
    if titles.not_utf8:
        note(f"lines that are no UTF-8, read with a replacement character: {titles.not_utf8:,}")
    if titles.cut:
        note(f"lines longer than {LONGEST_LINE:,} bytes, of which only so much was read: {titles.cut:,}")


class Titles:
    """The lines of a stream, in constant memory.

    Args:
        stream: bytes; a pipe or a terminal is read as far as it has come.

    Attributes:
        not_utf8: lines so far that are no UTF-8.
        cut: lines so far that were longer than `LONGEST_LINE`.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begun = b""
        self._dropping = False
        self.not_utf8 = 0
        self.cut = 0

    def arriving(self) -> Iterator[list[str]]:
        """The lines that have come since the last time, until the stream ends."""
        while chunk := self._stream.read1(LONGEST_LINE):  # type: ignore[attr-defined]  # buffered readers have it
            *whole, rest = chunk.split(b"\n")
            titles = [title for line in whole if (title := self._title(line)) is not None]
            self._begin(rest)
            yield titles
        if self._begun and (title := self._title(b"")) is not None:
            yield [title]

    def _begin(self, rest: bytes) -> None:
        """Keep the part of a line whose end has not come, but no more of it than may be read."""
        if not self._dropping:
            self._begun += rest
        if len(self._begun) > LONGEST_LINE:
            self._begun = self._begun[:LONGEST_LINE]
            self._dropping = True

    def _title(self, end: bytes) -> str | None:
        """The line that ends here."""
        line = self._begun if self._dropping else self._begun + end
        self.cut += self._dropping or len(line) > LONGEST_LINE
        self._begun, self._dropping = b"", False
        line = line[:LONGEST_LINE].rstrip(b"\r")
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.not_utf8 += 1
            return line.decode(errors="replace")


class Printer(Protocol):
    """One line for each title."""

    def start(self) -> None:
        """Print what comes before the first title."""

    def line(self, title: str, reading: "TitleReading") -> None:
        """Print what a title says."""


class JsonLines:
    """JSON documents, for programs."""

    def __init__(self, out: TextIO) -> None:
        self._write = out.write

    def start(self) -> None:
        """Print nothing: every line is a title's."""

    def line(self, title: str, reading: "TitleReading") -> None:
        """Print one document."""
        self._write(json.dumps(document(title, reading), ensure_ascii=False) + "\n")


class TableLines:
    """Columns of fixed width, for people; a longer cell moves the rest of its line to the right."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def start(self) -> None:
        """Print the heads."""
        self._print(COLUMNS)

    def line(self, title: str, reading: "TitleReading") -> None:
        """Print one row."""
        others = [f"or {a.meaning} ({a.seniority or '-'}, {a.function or '-'})" for a in reading.alternatives]
        rule = "; ".join([reading.rule, *others])
        flags = " ".join(sorted(reading.flags))
        said = (reading.seniority or "", reading.function or "", f"{reading.confidence:.1f}", flags, rule)
        self._print((printable(title).replace("\n", " "), *said))

    def _print(self, cells: tuple[str, ...]) -> None:
        from rich.cells import cell_len  # noqa: PLC0415  # --json does without

        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, _WIDTHS, strict=False)]
        self._out.write("  ".join([*padded, cells[-1]]).rstrip() + "\n")


def document(title: str, reading: "TitleReading") -> dict[str, object]:
    """What `--json` prints of a title."""
    return {
        "title": title,
        "seniority": reading.seniority,
        "function": reading.function,
        "flags": sorted(reading.flags),
        "rule": reading.rule,
        "confidence": reading.confidence,
        "alternatives": [
            {"seniority": other.seniority, "function": other.function, "meaning": other.meaning}
            for other in reading.alternatives
        ],
    }


def _leave_quietly() -> None:
    """End without a word: whoever read the answers has seen enough; Python must not flush into the closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit
