"""What commands print: answers on stdout, as text for people or JSON for programs; everything else on stderr."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final

import typer

from schemas.times import iso_utc

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

_PIPE_WIDTH: Final = 240
"""Width of a table that no terminal shows: lines should stay whole for grep."""
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def say(text: str) -> None:
    """A line of the answer."""
    typer.echo(printable(text))


def note(text: str) -> None:
    """A line beside the answer, on stderr."""
    typer.echo(printable(text), err=True)


def emit(document: Any) -> None:
    """The answer as one JSON document."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))


def emit_line(document: Any) -> None:
    """One JSON document of a stream of them."""
    typer.echo(json.dumps(document, ensure_ascii=False))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[str] = ()) -> None:
    """A table of the answer.

    Args:
        columns: the heads.
        rows: cells, as many as heads; None is an empty cell.
        right: heads of the columns of numbers.
    """
    from rich.console import Console  # noqa: PLC0415  # --help and --json do without
    from rich.table import Table  # noqa: PLC0415

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    numbers = set(right)
    for head in columns:
        grid.add_column(head, justify="right" if head in numbers else "left", overflow="fold")
    for row in rows:
        grid.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(markup=False, highlight=False, emoji=False, width=width).print(grid)


def printable(text: str) -> str:
    """Text without control characters: a name from outside must not steer the reader's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def iso(ms: int | None) -> str | None:
    """A time in ISO 8601, UTC."""
    return None if ms is None else iso_utc(ms)


def span(ms: int | None) -> str:
    """A length of time for people; empty for None."""
    if ms is None:
        return ""
    for size, unit in _UNITS:
        if abs(ms) >= size:
            return f"{ms / size:.1f} {unit}"
    return f"{ms} ms"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun, in the right form."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def now_ms() -> int:
    """This machine's clock, ms UTC."""
    return time.time_ns() // 1_000_000
