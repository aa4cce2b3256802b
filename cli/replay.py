# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the command, so that --help starts fast
"""`person-changes replay`: some companies again from the log."""

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.comparison_view import document, note_doubts, show
from cli.failures import USAGE, CommandError
from cli.output import AsJson, counted, emit, note, say
from cli.progress import progress
from cli.rebuild import promoted_document, promoted_sentence
from cli.replay_trouble import AcceptCutOff, AcceptSplit, First, replay_settings, replay_trouble
from cli.times import parse_time

if TYPE_CHECKING:
    from consumers.replay.replay import Replayed

_PLACES: Final = re.compile(r"(?P<partition>\d+):(?P<first>\d+)-(?P<end>\d+)")

Companies = Annotated[list[str] | None, typer.Option("--company", help="Only this company; may be repeated.")]
Since = Annotated[
    str | None, typer.Option(help="Companies with a record from this time on (ISO 8601; UTC unless it says otherwise).")
]
Until = Annotated[str | None, typer.Option(help="Companies with a record before this time.")]
Offsets = Annotated[
    list[str] | None,
    typer.Option(
        help="Companies with a record at these offsets: partition:first-end, without the end; may be repeated."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def replay_command(
    *,
    company: Companies = None,
    since: Since = None,
    until: Until = None,
    offsets: Offsets = None,
    dry_run: DryRun = False,
    accept_cut_off_log: AcceptCutOff = False,
    accept_split: AcceptSplit = False,
    first: First = 20,
    as_json: AsJson = False,
) -> None:
    """Fold some companies again from the log, and put right what differs in live.

    The companies are those named, or those that a range of the log touches, or both: those named that it touches. Their
    whole history is folded, from the log's beginning, because only that gives their state. Nothing is appended to the
    log. Consumers may run all the time.
    """
    from consumers.replay.replay import Selection, replay

    ranges = dict(_place(text) for text in offsets or ())
    times = (parse_time("--since", since), parse_time("--until", until))
    selection = Selection(frozenset(company or ()), *times, ranges)
    settings = replay_settings()
    with replay_trouble(settings), progress("folding", "records") as update:
        done = replay(
            settings,
            selection,
            update,
            first,
            dry_run=dry_run,
            accept_cut_off=accept_cut_off_log,
            accept_split=accept_split,
        )
    if as_json:
        promoted = promoted_document(done.promoted) if done.promoted else {"promoted": False}
        emit({"companies": list(done.companies), **document(done.checked), **promoted})
        note_doubts(done.checked)
    else:
        _show(done, dry_run=dry_run)


def _show(done: "Replayed", *, dry_run: bool) -> None:
    say(f"{counted(len(done.companies), 'company', 'companies')} folded again")
    show(done.checked)
    if done.promoted is not None:
        say(promoted_sentence(done.promoted))
    elif dry_run and not done.checked.comparison.equal:
        note("Nothing was changed; without --dry-run, live would be as the log says.")


def _place(text: str) -> tuple[int, tuple[int, int]]:
    found = _PLACES.fullmatch(text.strip())
    if found is None:
        raise CommandError(f"--offsets {text}: must look like 3:100-250, partition 3 from 100 up to before 250", USAGE)
    return int(found["partition"]), (int(found["first"]), int(found["end"]))
