"""The `person-changes` command."""

from typing import Annotated

import typer

from cli.classify import classify_command
from cli.company import company_app
from cli.consumer import consumer_command
from cli.dead_letters import dead_letters_app
from cli.erasure import erase_command, find_command
from cli.failures import PlainGroup
from cli.group import group_app
from cli.hints import hints_app
from cli.ingress import ingress_command
from cli.migrate import migrate_command
from cli.operations import operations_app
from cli.person import person_app
from cli.rebuild import rebuild_command
from cli.relay import relay_command
from cli.replay import replay_command
from cli.resolver import resolver_command
from cli.send import send_command
from cli.set_role import set_role_command
from cli.sources import sources_command
from cli.status import status_command
from cli.token import token_app
from cli.topics import topics_command
from cli.up import up_command
from cli.verify import verify_command
from cli.workspace import workspace_app

app = typer.Typer(
    name="person-changes",
    cls=PlainGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_RUN = "Run"
_SET_UP = "Set up"
_USE = "Use and look"
_MEND = "Check and mend"

app.command("up", rich_help_panel=_RUN)(up_command)
app.command("ingress", rich_help_panel=_RUN)(ingress_command)
app.command("consumer", rich_help_panel=_RUN)(consumer_command)
app.command("relay", rich_help_panel=_RUN)(relay_command)
app.command("resolver", rich_help_panel=_RUN)(resolver_command)
app.command("migrate", rich_help_panel=_SET_UP)(migrate_command)
app.command("topics", rich_help_panel=_SET_UP)(topics_command)
app.command("sources", rich_help_panel=_SET_UP)(sources_command)
app.command("send", rich_help_panel=_USE)(send_command)
app.command("status", rich_help_panel=_USE)(status_command)
app.command("classify", rich_help_panel=_USE)(classify_command)
app.add_typer(dead_letters_app, name="dead-letters", rich_help_panel=_MEND)
app.command("verify", rich_help_panel=_MEND)(verify_command)
app.command("replay", rich_help_panel=_MEND)(replay_command)
app.command("rebuild", rich_help_panel=_MEND)(rebuild_command)
group_app.command("set-role")(set_role_command)
app.add_typer(group_app, name="group", rich_help_panel=_USE)
app.add_typer(workspace_app, name="workspace", rich_help_panel=_USE)
app.add_typer(company_app, name="company", rich_help_panel=_USE)
app.add_typer(operations_app, name="operations", rich_help_panel=_USE)
person_app.command("erase")(erase_command)
person_app.command("find")(find_command)
app.add_typer(person_app, name="person", rich_help_panel=_USE)
app.add_typer(hints_app, name="hints", rich_help_panel=_USE)
app.add_typer(token_app, name="token", rich_help_panel=_USE)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # slower than most of --help

        try:
            typer.echo(version("person-changes"))
        except PackageNotFoundError:
            typer.echo("not installed: run from a folder of source code")
        raise typer.Exit


@app.callback()
def person_changes(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Buyer groups that are right within a second of a promotion, departure or new job.

    Settings come from environment variables. The commands that set up, use and look also know what `make run` left in
    DATA_DIR/env (.local/env unless told); the environment wins.

    Exit codes: 0 all is well, 1 the work failed, 2 the command line or a setting is wrong.
    """


def main() -> None:
    """Run the command line."""
    app()
