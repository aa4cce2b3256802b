# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the commands, so that --help starts fast
"""`person-changes workspace`: policies, and what they would change."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings, reason, user_name
from cli.failures import USAGE, CommandError
from cli.output import AsJson, emit, iso, say, table
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from consumers.settings import WorkspaceSettings
    from consumers.workspaces.document import PolicyDocument
    from db.rows import PolicyRow

workspace_app = typer.Typer(no_args_is_help=True, help="Decide who belongs in a workspace's buyer groups.")

Name = Annotated[str, typer.Argument(metavar="WORKSPACE", help="The workspace.")]
Version = Annotated[int | None, typer.Option(min=0, help="This version; the last one unless told.")]
File = Annotated[Path, typer.Argument(metavar="POLICY.TOML", help="The policy; docs/workspaces.md has every key.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
First = Annotated[int, typer.Option(min=0, help="Show what would change about so many companies.")]
By = Annotated[str | None, typer.Option(help="Who decides it; your user name (or `uid` and its number) unless told.")]
All = Annotated[bool, typer.Option("--all", help="Refresh all companies that it tracks, not only those it changes.")]


@workspace_app.callback()
def workspace() -> None:
    """Decide who belongs in a workspace's buyer groups."""


@workspace_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List all workspaces with the versions of their policies, and when each counts from (log time, UTC)."""
    from db.policies import PolicyStore

    url = _settings().database_url.get_secret_value()
    with database_trouble(url), PolicyStore(url) as store:
        rows = store.versions()
    if as_json:
        emit(
            [
                {
                    "workspace": row.workspace_id,
                    "version": row.version,
                    "countsFrom": iso(row.counts_from),
                    "createdBy": row.created_by,
                    "createdAt": iso(row.created_at),
                }
                for row in rows
            ]
        )
        return
    if not any(row.workspace_id == "default" for row in rows):
        say("default has the built-in policy, version 0")
    if rows:
        heads = ("workspace", "version", "counts from", "created by", "created at")
        table(heads, [(*row[:2], iso(row.counts_from), row.created_by, iso(row.created_at)) for row in rows])


@workspace_app.command("show")
def show_command(name: Name = "default", version: Version = None) -> None:
    """Print a policy as JSON, with every value in it."""
    import json

    from consumers.workspaces.document import PolicyDocument

    rows = [row for row in _versions() if row.workspace_id == name and version in (None, row.version)]
    if rows:
        policy, number = json.loads(rows[-1].policy), rows[-1].version
    elif name == "default" and version in (None, 0):
        policy, number = json.loads(PolicyDocument().stored()), 0
    else:
        wanted = f"version {version} of workspace {name}" if version is not None else f"workspace {name}"
        raise CommandError(f"there is no {wanted}: see `person-changes workspace list`")
    emit({"version": number, **policy})


@workspace_app.command("apply")
def apply_command(
    file: File,
    dry_run: DryRun = False,
    yes: Yes = False,
    every: All = False,
    first: First = 10,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a file the workspace's next policy version, after showing what that changes about its groups.

    The difference is made from today's rosters by the rules that make groups. Then the version is stored, and refreshes
    are asked for of the companies whose group it changes; they obey the limit of one refresh an hour. Applied again,
    the same file makes no other version; what is not refreshed yet is asked for again, with the same effect.
    """
    from cli.workspace_apply import Application

    document, settings = _read(file), _settings()
    url = settings.database_url.get_secret_value()
    with database_trouble(url), kafka_trouble(settings.kafka_bootstrap_servers):
        application = Application(settings, document, by or user_name(), every=every)
        application.look(first, aloud=not as_json)
        if not dry_run:
            if not (yes or application.is_there or as_json):
                _confirm()
            application.carry_out()
    application.answer(as_json=as_json)


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise CommandError("nobody can be asked here: say --yes, or --dry-run", USAGE)
    if not typer.confirm("Apply it?", err=True):
        raise CommandError("nothing was changed")


def _read(file: Path) -> "PolicyDocument":
    from consumers.workspaces.policy_file import PolicyFileError, read_policy

    try:
        return read_policy(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} cannot be read: {reason(error)}", USAGE) from error
    except PolicyFileError as error:
        lines = str(error).replace("\n", "\n  ")
        raise CommandError(f"{file} is no policy:\n  {lines}", USAGE) from error


def _settings() -> "WorkspaceSettings":
    from consumers.settings import WorkspaceSettings

    return read_settings(WorkspaceSettings)


def _versions() -> "list[PolicyRow]":
    from db.store import Store

    url = _settings().database_url.get_secret_value()
    with database_trouble(url), Store(url) as store:
        return store.policies()
