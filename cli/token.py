# ruff: noqa: PLC0415 -- the driver is loaded inside the command, so that --help starts fast
"""`person-changes token`: who may use the API, and for what."""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from cli.environment import read_settings
from cli.failures import USAGE, CommandError
from cli.output import AsJson, emit, iso, note, say, table

if TYPE_CHECKING:
    from db.tokens import TokenView

T = TypeVar("T")

token_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke tokens of the API.")

_HEADS: Final = ("id", "name", "scopes", "workspace", "created", "revoked")


class Scope(StrEnum):
    """What a token may be good for."""

    READ = "read"
    REFRESH = "refresh"
    OPERATE = "operate"


Scopes = Annotated[
    list[Scope],
    typer.Option(
        "--scope",
        help="What the token is good for; may be given several times. read: groups and outcomes; refresh: ask for "
        "a refresh; operate: what operators do.",
    ),
]
Workspace = Annotated[
    str | None, typer.Option(help="The one workspace that the token is for; without it, it is good for all of them.")
]
Name = Annotated[str, typer.Option(help="What the token is for, in words for those who will wonder in a year.")]
TokenId = Annotated[str, typer.Argument(metavar="TOKEN_ID", help="The id that `token list` shows.")]


@token_app.command("create")
def create_command(scope: Scopes, workspace: Workspace = None, name: Name = "", as_json: AsJson = False) -> None:
    """Make a token and show it, this once.

    Only a hash of it is stored: whoever loses it makes another. It counts at once. Send it as
    `Authorization: Bearer TOKEN`.
    """
    from db.tokens import create_token
    from schemas.events import InvalidChangeError, check_id, check_text

    try:
        check_text("--name", name)
        if workspace is not None:
            check_id("--workspace", workspace)
    except InvalidChangeError as error:
        raise CommandError(str(error), USAGE) from None
    view, token = _ask(lambda url: create_token(url, name, scope, workspace))
    if as_json:
        emit({**_document(view), "token": token})
        return
    say(token)
    good_for = f"workspace {view.workspace_id}" if view.workspace_id else "every workspace"
    note(f"token {view.token_id}: {', '.join(view.scopes)}; {good_for}. This is the only time that it is shown.")


@token_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the tokens, revoked ones too; the tokens themselves are nowhere to be seen."""
    from db.tokens import list_tokens

    views = _ask(list_tokens)
    if as_json:
        emit([_document(view) for view in views])
    elif views:
        table(_HEADS, [_row(view) for view in views])
    else:
        say("there is no token; API_TOKEN of the ingress's environment, if it is set, is not listed here")


@token_app.command("revoke")
def revoke_command(token_id: TokenId, as_json: AsJson = False) -> None:
    """Let a token count no more.

    Every ingress process has noticed after at most five seconds. Revoking twice is no mistake.
    """
    from db.tokens import revoke_token

    view = _ask(lambda url: revoke_token(url, token_id))
    if view is None:
        raise CommandError(f"there is no token {token_id}: `person-changes token list` shows the ids")
    if as_json:
        emit(_document(view))
    else:
        say(f"token {view.token_id} ({view.name or 'without a name'}) is revoked since {iso(view.revoked_at)}")


def _ask(question: Callable[[str], T]) -> T:
    from cli.servers import database_trouble
    from db.settings import DatabaseSettings

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url):
        return question(url)


def _row(view: "TokenView") -> tuple[object, ...]:
    times = (iso(view.created_at), iso(view.revoked_at))
    return (view.token_id, view.name, ", ".join(view.scopes), view.workspace_id or "(all)", *times)


def _document(view: "TokenView") -> dict[str, Any]:
    return {
        "id": view.token_id,
        "name": view.name,
        "scopes": list(view.scopes),
        "workspaceId": view.workspace_id,
        "createdAt": iso(view.created_at),
        "revokedAt": iso(view.revoked_at),
    }
