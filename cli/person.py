# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes person`: which ids are one person."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.environment import read_settings
from cli.failures import USAGE, CommandError
from cli.output import AsJson, counted, emit, note, now_ms, say, table
from cli.rosters import known_state
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumers.engine.identity import Candidate
    from consumers.engine.state import Employment
    from consumers.settings import ConsumerSettings
    from schemas.events import PersonChange

person_app = typer.Typer(no_args_is_help=True, help="Say which ids are one person, and look for those that may be.")

CompanyId = Annotated[str, typer.Argument(metavar="COMPANY", help="The company where it is so.")]
Survivor = Annotated[str, typer.Argument(metavar="ID", help="The id that the person is known by from now on.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other id.")]
One = Annotated[str, typer.Argument(metavar="ID", help="An id.")]
By = Annotated[str | None, typer.Option(help="Who says so, for those who read the log.")]

_SOURCE: Final = "manual"


@person_app.command("merge")
def merge_command(company: CompanyId, survivor: Survivor, other: Other, by: By = None, as_json: AsJson = False) -> None:
    """Say that two ids are one person at a company.

    It is a change in the log, and counts at the refresh that covers it: at once, or when an hour has passed since the
    last. What is known under either id stays as it is, so `person split` undoes it. What is said last counts.
    """
    event_id = _say(company, survivor, other, merged=True, by=by)
    if as_json:
        emit({"company": company, "survivor": survivor, "other": other, "eventId": event_id})
    else:
        say(f"{other} and {survivor} are one person at {company}, known as {survivor}, as of its next refresh")


@person_app.command("split")
def split_command(company: CompanyId, one: One, other: Other, by: By = None, as_json: AsJson = False) -> None:
    """Say that two ids are two people at a company, whatever speaks for one.

    It undoes `person merge`, and what rules made of them; and the two are no candidates any more.
    """
    event_id = _say(company, one, other, merged=False, by=by)
    if as_json:
        emit({"company": company, "one": one, "other": other, "eventId": event_id})
    else:
        say(f"{one} and {other} are two people at {company} as of its next refresh")


@person_app.command("candidates")
def candidates_command(company: CompanyId, as_json: AsJson = False) -> None:
    """List people of a company who may be one person: they share something, but too little.

    The last column says what speaks against it, if anything does. `person merge` joins two of them, `person split`
    takes them off the list.
    """
    from consumers.engine.identity import candidates, persons, resolve
    from db.settings import DatabaseSettings
    from db.store import Store

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url), Store(url) as store:
        roster = known_state(store, company).roster
    found, people = candidates(roster), persons(roster, resolve(roster))
    if as_json:
        emit({"company": company, "candidates": [_document(one, people) for one in found]})
        return
    if found:
        table(("id", "name", "other", "name of other", "why", "against"), [_row(one, people) for one in found])
    note(f"{counted(len(found), 'pair')} to look at")


def _say(company: str, survivor: str, other: str, *, merged: bool, by: str | None) -> str:
    """Append what was said of two ids; returns the event's id."""
    from consumers.settings import ConsumerSettings
    from db.store import Store
    from schemas.events import InvalidChangeError, validate_change

    event_id = uuid.uuid4().hex
    try:
        change = validate_change(_change(event_id, company, survivor, other, merged=merged, by=by))
    except InvalidChangeError as error:
        raise CommandError(str(error), USAGE) from error
    settings = read_settings(ConsumerSettings)
    url = settings.database_url.get_secret_value()
    with database_trouble(url), Store(url) as store:
        roster = known_state(store, company).roster
    if unknown := [person_id for person_id in (survivor, other) if person_id not in roster]:
        raise CommandError(f"nobody at {company} has the id {' or '.join(unknown)}: take ids of its roster")
    _append(settings, change)
    return event_id


def _change(event_id: str, company: str, survivor: str, other: str, *, merged: bool, by: str | None) -> "PersonChange":
    from schemas.events import ChangeType, Company, FieldChange, Movement, Person, PersonChange

    now = now_ms()
    return PersonChange(
        event_id=event_id,
        source=_SOURCE,
        type=ChangeType.MERGED if merged else ChangeType.SPLIT,
        occurred_at=now,
        received_at=now,
        company=Company(company),
        movement=Movement.UNSTATED,
        person=Person(survivor),
        changes={"id": FieldChange(other, survivor)},
        requested_by=by,
    )


def _append(settings: "ConsumerSettings", change: "PersonChange") -> None:
    from schemas.appender import Appender, NotAppendedError
    from schemas.outgoing import outgoing

    with kafka_trouble(settings.kafka_bootstrap_servers):
        try:
            Appender(settings, "person-changes-cli").append([outgoing(change, settings)])
        except NotAppendedError as error:
            raise CommandError(f"it may not have been said: {error}; run it again") from error


def _row(found: "Candidate", people: "Mapping[str, Employment]") -> tuple[object, ...]:
    names = {person_id: people[person_id].who.values[0] for person_id in (found.one, found.other)}
    return (found.one, names[found.one], found.other, names[found.other], ", ".join(found.reasons), found.against)


def _document(found: "Candidate", people: "Mapping[str, Employment]") -> dict[str, Any]:
    return {
        "people": [
            {"personId": person_id, "name": people[person_id].who.values[0], "present": people[person_id].present}
            for person_id in (found.one, found.other)
        ],
        "reasons": list(found.reasons),
        "against": found.against,
    }
