# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the command, so that --help starts fast
"""`person-changes rebuild`: everything again from the log."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.comparison_view import document, note_doubts, show
from cli.failures import USAGE, CommandError
from cli.output import AsJson, counted, emit, note, say
from cli.progress import progress
from cli.replay_trouble import AcceptCutOff, AcceptSplit, First, replay_settings, replay_trouble

if TYPE_CHECKING:
    from consumers.replay.compare import Promoted
    from consumers.settings import ConsumerSettings

Promote = Annotated[
    bool, typer.Option("--promote", help="Let what was rebuilt take the place of the live rows, in one transaction.")
]
Discard = Annotated[bool, typer.Option("--discard", help="Forget what was rebuilt.")]


def rebuild_command(
    promote: Promote = False,
    discard: Discard = False,
    accept_cut_off_log: AcceptCutOff = False,
    accept_split: AcceptSplit = False,
    first: First = 20,
    as_json: AsJson = False,
) -> None:
    """Fold the whole log again, into a schema beside the live one, and show what differs.

    Nothing live changes until --promote. A rebuild that was interrupted goes on where it was; --discard first, when the
    code has changed since. Consumers may run all the time: while rows change places none of them can commit, and none
    loses or doubles a change.
    """
    if promote and discard:
        raise CommandError("--promote and --discard exclude each other", USAGE)
    settings = replay_settings()
    if discard:
        _discard(settings, as_json=as_json)
    elif promote:
        _promote(settings, accept_cut_off=accept_cut_off_log, accept_split=accept_split, as_json=as_json)
    else:
        _rebuild(settings, first, as_json=as_json)


def _rebuild(settings: "ConsumerSettings", first: int, *, as_json: bool) -> None:
    from consumers.replay.rebuild import rebuild

    with replay_trouble(settings), progress("folding", "records") as update:
        checked = rebuild(settings, update, first)
    if as_json:
        emit(document(checked))
        note_doubts(checked)
    else:
        show(checked)
        note("It stays until `person-changes rebuild --promote` or `--discard`.")


def _promote(settings: "ConsumerSettings", *, accept_cut_off: bool, accept_split: bool, as_json: bool) -> None:
    from consumers.replay.rebuild import promote_rebuild

    with replay_trouble(settings), progress("folding", "records") as update:
        done = promote_rebuild(settings, update, accept_cut_off=accept_cut_off, accept_split=accept_split)
    if as_json:
        emit(promoted_document(done))
    else:
        say(promoted_sentence(done))


def _discard(settings: "ConsumerSettings", *, as_json: bool) -> None:
    from consumers.replay.rebuild import discard_rebuild

    with replay_trouble(settings):
        found = discard_rebuild(settings)
    if as_json:
        emit({"discarded": found})
    else:
        say("discarded" if found else "there was nothing to discard")


def promoted_document(done: "Promoted") -> dict[str, Any]:
    """A promotion as JSON."""
    return {"promoted": True, "groupsWithLowerVersion": done.rewound, "consumersTold": done.woken}


def promoted_sentence(done: "Promoted") -> str:
    """A promotion as text, with what is left to do after it."""
    text = "live is now what was folded"
    if done.rewound:
        text += (
            f"\n{counted(done.rewound, 'group')} have a lower version than before: a receiver of updates that "
            "remembers the greater one hears nothing until it is passed; let it read these groups again"
        )
    if not done.woken:
        text += (
            "\nthe broker did not take the ticks that tell consumers: restart them, or they learn at the next record"
        )
    return text
