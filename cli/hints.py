# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes hints`: what was said of people whom no company knows yet."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import read_settings
from cli.failures import CommandError
from cli.output import AsJson, counted, emit, iso, note, now_ms, say, span, table
from cli.servers import database_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from db.hints import HintStore, ParkedRow

hints_app = typer.Typer(no_args_is_help=True, help="Look at parked hints, and tell them again.")

Source = Annotated[str | None, typer.Option(help="Only those of this source.")]
Person = Annotated[str | None, typer.Option(help="Only those about this person, by the source's id.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, the oldest first.")]
_PAGE = 1000


@hints_app.command("list")
def list_command(source: Source = None, person: Person = None, limit: Limit = 100, as_json: AsJson = False) -> None:
    """List hints that wait, with the reason why no company could be told of them."""
    from db.hints import HintStore
    from db.settings import DatabaseSettings

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url), HintStore(url) as store:
        total = store.count_waiting()
        rows = list(islice(_parked(store, source, person), limit))
    if as_json:
        emit({"parked": total, "hints": [_document(row) for row in rows]})
        return
    now = now_ms()
    cells = [(row.source, row.person_id, row.type, span(now - row.log_time), row.reason) for row in rows]
    if cells:
        table(("source", "person", "type", "waits for", "reason"), cells, right=("waits for",))
    note(f"{counted(len(rows), 'hint')} of {total:,} that wait")


@hints_app.command("retry")
def retry_command(source: Source = None, person: Person = None, as_json: AsJson = False) -> None:
    """Append parked hints to the topic again, so that the resolver looks for companies once more.

    The resolver does so by itself, some at a time; this is for who cannot wait. It is safe to run at any time: a hint
    stays parked until a company was told of it, and one that is told twice has one effect.
    """
    from cli.servers import kafka_trouble
    from consumers.resolver.settings import ResolverSettings
    from db.hints import HintStore
    from schemas.appender import Appender, NotAppendedError
    from schemas.hints import decode_hint
    from schemas.outgoing import outgoing

    settings = read_settings(ResolverSettings)
    url = settings.database_url.get_secret_value()
    with database_trouble(url), HintStore(url) as store, kafka_trouble(settings.kafka_bootstrap_servers):
        appender = Appender(settings, "person-changes-cli")
        records = (outgoing(decode_hint(row.value), settings) for row in _parked(store, source, person))
        try:
            count = appender.append(records)
        except NotAppendedError as error:
            raise CommandError(f"not all hints were appended: {error}; run it again") from error
    if as_json:
        emit({"appended": count})
    else:
        say(f"appended {counted(count, 'hint')}; `hints list` shows which of them wait on")


def _parked(store: "HintStore", source: str | None, person: str | None) -> "Iterator[ParkedRow]":
    """Parked hints, page by page, the oldest first."""
    from db.hints import START, place_of

    place = START
    while rows := store.waiting(place, _PAGE):
        yield from (row for row in rows if source in (None, row.source) and person in (None, row.person_id))
        place = place_of(rows[-1])


def _document(row: "ParkedRow") -> dict[str, Any]:
    return {
        "source": row.source,
        "personId": row.person_id,
        "eventId": row.event_id,
        "type": row.type,
        "receivedAt": iso(row.log_time),
        "reason": row.reason,
    }
