# ruff: noqa: PLC0415 -- the driver is loaded inside the command, so that --help starts fast
"""`person-changes group`: buyer groups."""

import asyncio
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.environment import read_settings
from cli.failures import CommandError
from cli.output import AsJson, emit, now_ms
from cli.servers import database_trouble
from cli.times import parse_time

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumers.explaining import Known
    from db.reads import Reads

T = TypeVar("T")

group_app = typer.Typer(no_args_is_help=True, help="Look at buyer groups.")

CompanyId = Annotated[str, typer.Argument(metavar="COMPANY_ID", help="The company, as the changes name it.")]
Workspace = Annotated[str, typer.Option(help="Whose buyer group of the company.")]


Person = Annotated[str, typer.Argument(metavar="PERSON_ID", help="The person, as `group show --json` has them.")]
AsOf = Annotated[
    str | None,
    typer.Option(help="As it was at this log time: ISO 8601, UTC unless it says otherwise.", show_default=False),
]
OnlyPerson = Annotated[str | None, typer.Option("--person", help="Only what happened to this person.")]
Since = Annotated[str | None, typer.Option(help="Only versions from this log time on, ISO 8601.", show_default=False)]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many versions, the newest.")]


@group_app.command("show")
def show_command(
    company_id: CompanyId, workspace: Workspace = "default", as_of: AsOf = None, as_json: AsJson = False
) -> None:
    """Show a company's buyer group: who is in it, in which role, and why; now, or as it was.

    Times are in UTC. Exit code 1 says that there is no such group.
    """
    from cli.group_view import show, show_past
    from ingress.documents import group_document, past_group_document

    if (until := parse_time("--as-of", as_of)) is not None:
        past = _ask(lambda reads: reads.past_group(workspace, company_id, until))
        if past is None:
            raise CommandError(f"company {company_id} had no buyer group in workspace {workspace} at {as_of}")
        emit(past_group_document(past, until)) if as_json else show_past(past, until)
        return
    view = _ask(lambda reads: reads.group(workspace, company_id))
    if view is None:
        raise _no_group(company_id, workspace)
    emit(group_document(view)) if as_json else show(view)


@group_app.command("history")
def history_command(  # a parameter an option
    company_id: CompanyId,
    workspace: Workspace = "default",
    person: OnlyPerson = None,
    since: Since = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Show what the versions of a buyer group changed, the newest first: what, why, and after which changes.

    Times are in UTC. Exit code 1 says that there is no such group.
    """
    from cli.group_view import show_history
    from db.reads import HistoryQuery
    from ingress.documents import history_document

    query = HistoryQuery(workspace, company_id, person, parse_time("--since", since) or 0, limit=limit)
    versions = _ask(lambda reads: reads.versions(query))
    if not versions and _ask(lambda reads: reads.group(workspace, company_id)) is None:
        raise _no_group(company_id, workspace)
    emit(history_document(query, versions)) if as_json else show_history(versions)


@group_app.command("explain")
def explain_command(
    company_id: CompanyId,
    person_id: Person,
    workspace: Workspace = "default",
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Explain why somebody is in a buyer group, or is not.

    What is known of them, who said so and when, how their title is read, which rules were tried, and what happened to
    them in the group. With --as-of: what they were in the group at that log time, from the history. Times are in UTC.
    Exit code 1 says that the company, the person or the workspace is not known.
    """
    from cli import explanation_view as view
    from db.reads import HistoryQuery

    until = parse_time("--as-of", as_of)
    known = _known_person(company_id, person_id, workspace)
    query = HistoryQuery(workspace, company_id, known.person_id, limit=1000)
    if until is None:
        versions = _ask(lambda reads: reads.versions(query))
        emit(view.document(known, versions)) if as_json else view.show(known, company_id, workspace, versions)
        return
    past = _ask(lambda reads: reads.past_group(workspace, company_id, until))
    if past is None:
        raise CommandError(f"company {company_id} had no buyer group in workspace {workspace} at {as_of}")
    versions = _ask(lambda reads: reads.versions(query._replace(until=until)))
    emit(view.past_document(known, past, until, versions)) if as_json else view.show_past(known, past, until, versions)


def _known_person(company_id: str, person_id: str, workspace: str) -> "Known":
    from consumers.explaining import UnknownError, known_person
    from db.settings import DatabaseSettings
    from db.store import Store

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url), Store(url) as store:
        try:
            return known_person(store, workspace, company_id, person_id, now_ms())
        except UnknownError as error:
            raise CommandError(str(error)) from None


def _no_group(company_id: str, workspace: str) -> CommandError:
    return CommandError(
        f"there is no buyer group of company {company_id} in workspace {workspace}: no change of this company was "
        "applied yet, or the id is another one"
    )


def _ask(question: "Callable[[Reads], Awaitable[T]]") -> "T":
    """What the database answers."""
    from db.settings import DatabaseSettings

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url):
        return asyncio.run(_answer(url, question))


async def _answer(url: str, question: "Callable[[Reads], Awaitable[T]]") -> "T":
    from db.reads import Reads

    async with Reads(url) as reads:
        return await question(reads)
