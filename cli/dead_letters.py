# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes dead-letters`: records that could not be applied."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from cli.environment import read_settings
from cli.failures import FAILED, USAGE, CommandError
from cli.output import AsJson, counted, emit, note, say
from cli.progress import progress
from cli.servers import database_trouble, kafka_trouble
from cli.times import parse_time

if TYPE_CHECKING:
    from db.letters import Chosen, Letters, Place
    from schemas.settings import KafkaSettings

dead_letters_app = typer.Typer(
    no_args_is_help=True, help="Look at records that could not be applied, retry or discard them."
)

PAGE: Final = 200

Status = Annotated[
    Literal["open", "retried", "discarded", "all"], typer.Option(help="Letters that wait, or what was done with them.")
]
Reason = Annotated[str | None, typer.Option(help="Letters whose reason has this text in it, in any case.")]
Company = Annotated[str | None, typer.Option(help="Letters of this company, by value or by key.")]
Since = Annotated[str | None, typer.Option(help="Letters that the log took at this time or later (ISO 8601, UTC).")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]
One = Annotated[str, typer.Argument(metavar="PLACE", help="Where the record stands: topic/partition/offset.")]
Some = Annotated[
    list[str] | None, typer.Argument(metavar="[PLACE]...", help="Where the records stand: topic/partition/offset.")
]
All = Annotated[bool, typer.Option("--all", help="All letters that the filters choose.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Because = Annotated[str, typer.Option(help="Why; kept with each letter.")]


@dead_letters_app.command("list")
def list_command(
    status: Status = "open",
    reason: Reason = None,
    company: Company = None,
    since: Since = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List dead letters, in order of their places in the log."""
    from cli.dead_letters_view import line_document, show_list

    chosen = _chosen(status, reason, company, since)
    with database_trouble(_url()), _letters() as box:
        found, number = box.read(chosen, limit), box.count(chosen)
    if as_json:
        emit({"count": number, "letters": [line_document(letter) for letter in found]})
    else:
        show_list(found, number)


@dead_letters_app.command("show")
def show_command(place: One, as_json: AsJson = False) -> None:
    """Show one dead letter whole: why, key, headers, bytes, and the record in them if it can be read now.

    Exit code 1 says that there is no such letter.
    """
    from cli.dead_letters_view import letter_document, show_letter

    with database_trouble(_url()), _letters() as box:
        found = box.read(_these([place]), 1)
    if not found:
        raise CommandError(f"there is no dead letter {place}")
    if as_json:
        emit(letter_document(found[0]))
    else:
        show_letter(found[0])


@dead_letters_app.command("retry")
def retry_command(
    places: Some = None,
    all_of_them: All = False,
    reason: Reason = None,
    company: Company = None,
    since: Since = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Append dead letters to the log again, after what was wrong has been mended.

    Key, value and headers are those of the record; the header dead_letter names where it stood first. Each is marked
    when the broker has its copy, so retrying again after a crash is safe. Try one before you retry thousands.

    Exit code 1 says that the broker did not take all; those stay open.
    """
    from consumers.replay.letters import Retry
    from schemas.settings import KafkaSettings

    chosen = _meant(places, _chosen("open", reason, company, since), all_of_them=all_of_them)
    settings, retried, failed = read_settings(KafkaSettings), 0, dict["Place", str]()
    with database_trouble(_url()), kafka_trouble(settings.kafka_bootstrap_servers), _letters() as box:
        total = _agreed(box, chosen, "appended to the log again", yes=yes or bool(places))
        retry = Retry(_reachable(settings), box)
        with progress("retrying", "letters") as update:
            for page in box.pages(chosen, PAGE):
                done = retry.page(page)
                retried, failed = retried + len(done.copies), failed | done.failed
                update(retried + len(failed), total)
    if as_json:
        emit({"retried": retried, "failed": {str(place): why for place, why in failed.items()}})
    else:
        say(f"{counted(retried, 'letter')} retried")
    for place, why in failed.items():
        note(f"{place}: {why}")
    if failed:
        raise typer.Exit(FAILED)


@dead_letters_app.command("discard")
def discard_command(
    because: Because,
    places: Some = None,
    all_of_them: All = False,
    reason: Reason = None,
    company: Company = None,
    since: Since = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Discard dead letters: they stay, with the reason, but wait for nobody any more."""
    chosen = _meant(places, _chosen("open", reason, company, since), all_of_them=all_of_them)
    discarded = 0
    with database_trouble(_url()), _letters() as box:
        total = _agreed(box, chosen, "discarded", yes=yes or bool(places))
        with progress("discarding", "letters") as update:
            for page in box.pages(chosen, PAGE):
                box.settle("discarded", {letter.place: because for letter in page})
                discarded += len(page)
                update(discarded, total)
    if as_json:
        emit({"discarded": discarded})
    else:
        say(f"{counted(discarded, 'letter')} discarded")


def _url() -> str:
    from db.settings import DatabaseSettings

    return read_settings(DatabaseSettings).database_url.get_secret_value()


def _letters() -> "Letters":
    from db.letters import Letters

    return Letters(_url())


def _reachable(settings: "KafkaSettings") -> "KafkaSettings":
    """The settings, once the broker has answered: nothing is half done because it is away."""
    from cli.broker import connect, quiet

    connect(settings)
    return quiet(settings)


def _chosen(status: str, reason: str | None, company: str | None, since: str | None) -> "Chosen":
    from db.letters import Chosen

    time = parse_time("--since", since)
    return Chosen(status=None if status == "all" else status, reason=reason, company=company, since=time)


def _these(places: Sequence[str]) -> "Chosen":
    """Letters by place, whatever was done with them."""
    from db.letters import Chosen

    return Chosen(status=None, places=tuple(_place(text) for text in places))


def _meant(places: Sequence[str] | None, chosen: "Chosen", *, all_of_them: bool) -> "Chosen":
    """Those at the places, or all that the filters choose; never all by accident."""
    if bool(places) == all_of_them:
        raise CommandError("name letters by topic/partition/offset, or say --all with filters", USAGE)
    return _these(places) if places else chosen


def _agreed(box: "Letters", chosen: "Chosen", what: str, *, yes: bool) -> int:
    """How many letters it will be, once somebody has said yes.

    Raises:
        CommandError: there are fewer than named, or nobody can say yes.
        typer.Abort: somebody said no.
    """
    number = box.count(chosen)
    if chosen.places is not None and number < len(set(chosen.places)):
        missing = set(chosen.places) - {letter.place for letter in box.read(chosen, number)}
        raise CommandError(f"there is no dead letter {', '.join(sorted(str(place) for place in missing))}")
    if yes or not number:
        return number
    if not sys.stdin.isatty():
        raise CommandError(f"{counted(number, 'letter')} would be {what}: say --yes", USAGE)
    typer.confirm(f"{counted(number, 'letter')} will be {what}. Go on?", abort=True, err=True)
    return number


def _place(text: str) -> "Place":
    from db.letters import Place

    topic, partition, offset = (["", "", "", *text.rsplit("/", 2)])[-3:]
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        raise CommandError(f"{text} is no place: it must look like person-changes/3/1042", USAGE)
    return Place(topic, int(partition), int(offset))
