# ruff: noqa: PLC0415 -- the driver is loaded inside the command, so that --help starts fast
"""`person-changes group`: buyer groups."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings
from cli.failures import CommandError
from cli.output import AsJson, emit
from cli.servers import database_trouble

if TYPE_CHECKING:
    from db.reads import GroupView

group_app = typer.Typer(no_args_is_help=True, help="Look at buyer groups.")

CompanyId = Annotated[str, typer.Argument(metavar="COMPANY_ID", help="The company, as the changes name it.")]
Workspace = Annotated[str, typer.Option(help="Whose buyer group of the company.")]


@group_app.command("show")
def show_command(company_id: CompanyId, workspace: Workspace = "default", as_json: AsJson = False) -> None:
    """Show a company's buyer group: who is in it, in which role, and why.

    Times are in UTC. Exit code 1 says that there is no such group.
    """
    from cli.group_view import show
    from db.settings import DatabaseSettings
    from ingress.documents import group_document

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url):
        view = asyncio.run(_read(url, workspace, company_id))
    if view is None:
        raise CommandError(
            f"there is no buyer group of company {company_id} in workspace {workspace}: no change of this company was "
            "applied yet, or the id is another one"
        )
    if as_json:
        emit(group_document(view))
    else:
        show(view)


async def _read(url: str, workspace: str, company_id: str) -> "GroupView | None":
    from db.reads import Reads

    async with Reads(url) as reads:
        return await reads.group(workspace, company_id)
