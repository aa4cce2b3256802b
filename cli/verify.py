# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the command, so that --help starts fast
"""`person-changes verify`: is live what the log says."""

import typer

from cli.comparison_view import document, note_doubts, show
from cli.failures import FAILED
from cli.output import AsJson, emit
from cli.progress import progress
from cli.replay_trouble import First, replay_settings, replay_trouble


def verify_command(first: First = 20, as_json: AsJson = False) -> None:
    """Fold the log aside and compare its tables with the live ones, as of the live positions.

    Consumers go on meanwhile. The fold is made in a schema of its own on the same database, and dropped afterwards.
    REFRESH_INTERVAL_SECONDS must be what the consumers have: decisions rest on it.

    Exit code 1 says that a row differs. Of companies that have changes on several partitions, because partitions were
    added, times of refreshes and what follows from them are not compared; a note says which.
    """
    from consumers.replay.verify import verify

    settings = replay_settings()
    with replay_trouble(settings), progress("folding", "records") as update:
        checked = verify(settings, update, first)
    if as_json:
        emit(document(checked))
        note_doubts(checked)
    else:
        show(checked)
    if not checked.comparison.equal:
        raise typer.Exit(FAILED)
