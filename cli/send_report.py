"""What `send` tells: each answer as JSON, or a summary; problems and progress on stderr."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from cli.failures import FAILED, CommandError
from cli.output import counted, emit, emit_line, note, say
from cli.sending import NOT_SENT, REFUSED, UNREADABLE, Result, Tally

NOTICE_EVERY_SECONDS: Final = 5.0


class Notices:
    """Says why sending waits; once for many changes that wait for the same reason."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: tuple[str, float] | None = None

    def __call__(self, why: str) -> None:
        """Say it, unless it was said lately."""
        with self._lock:
            now = time.monotonic()
            if self._last is not None and self._last[0] == why and now - self._last[1] < NOTICE_EVERY_SECONDS:
                return
            self._last = (why, now)
        note(f"{why}; trying again")


def report_one(result: Result, *, as_json: bool) -> None:
    """The answer to the only change.

    Raises:
        CommandError: it was not taken.
    """
    if as_json:
        emit(_document(result))
    elif result.problem is None and result.answer is not None:
        say(result.answer.body.strip())
    if result.problem is not None:
        raise CommandError(f"{result.change.where}: {result.problem}{_advice(result)}")


def report_many(results: Iterable[Result], size: int | None, *, as_json: bool) -> None:
    """All answers, as they come.

    Args:
        results: from `send_all`.
        size: bytes of the input, for the progress bar; None when unknown.
        as_json: print each.

    Raises:
        typer.Exit: with 1, when something was not taken.
    """
    tally, start = Tally(), time.monotonic()
    with _progress(size, hidden=as_json and sys.stdout.isatty()) as advance:
        for result in results:
            tally.add(result)
            if as_json:
                emit_line(_document(result))
            if result.problem is not None:
                note(f"{result.change.where}: {result.status}: {result.problem}{_advice(result)}")
            advance(result.change.size)
    (note if as_json else say)(summary(tally, time.monotonic() - start))
    if tally.stopped is not None:
        note("Stopped early. Send the same file again when that is mended: what was taken is recognised by its id")
    if tally.failed or tally.stopped is not None:
        raise typer.Exit(FAILED)


def summary(tally: Tally, seconds: float) -> str:
    """One line on all."""
    bad = (REFUSED, UNREADABLE, NOT_SENT)
    order = sorted(tally.counts, key=lambda status: (status in bad, status))
    parts = [f"{tally.counts[status]:,} {status.replace('_', ' ')}" for status in order]
    rate = f" ({tally.total / seconds:,.0f} a second)" if seconds >= 1 else ""
    return f"{counted(tally.total, 'change')} in {seconds:.1f} s{rate}: {', '.join(parts) or 'nothing to send'}"


def _document(result: Result) -> dict[str, Any]:
    answer = result.answer
    return {
        "where": result.change.where,
        "eventId": result.change.event_id,
        "status": result.status,
        "http": answer.status if answer else None,
        "attempts": answer.attempts if answer else None,
        "answer": _json(answer.body) if answer else None,
        "problem": result.problem,
    }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _advice(result: Result) -> str:
    status = result.answer.status if result.answer else None
    if status in {401, 403}:
        return "\nCheck that WEBHOOK_SECRET is the one that the ingress has"
    if status in {404, 405}:
        return "\nCheck --url (INGRESS_URL): no webhook is received there"
    if result.status == NOT_SENT and result.problem != "stopped":
        return "\nCheck that the ingress runs, and --url (INGRESS_URL)"
    return ""


@contextmanager
def _progress(size: int | None, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, when a person looks at it."""
    if hidden or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415  # only where a bar is shown
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("sending"), BarColumn(), TextColumn("{task.fields[changes]:,} changes"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False, transient=True) as bar:
        task, changes = bar.add_task("sending", total=size, changes=0), 0

        def update(size: int) -> None:
            nonlocal changes
            changes += 1
            bar.update(task, advance=size, changes=changes)

        yield update
