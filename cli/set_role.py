# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the command, so that --help starts fast
"""`person-changes group set-role`: what a user knows of somebody, before all rules."""

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings, user_name
from cli.failures import USAGE, CommandError
from cli.output import AsJson, emit, now_ms, say
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.settings import ConsumerSettings

CompanyId = Annotated[str, typer.Argument(metavar="COMPANY_ID", help="The company, as the changes name it.")]
PersonId = Annotated[str, typer.Argument(metavar="PERSON_ID", help="The person, as `group show --json` has them.")]
Roles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ROLE]...", help="One of the five roles or the workspace's own; several are allowed."),
]
Remove = Annotated[bool, typer.Option("--remove", help="Take the choice back: the rules decide again.")]
Workspace = Annotated[str, typer.Option(help="In whose buyer group of the company.")]
_SOURCE = "manual"
By = Annotated[str | None, typer.Option(help="Who says so; your user name (or `uid` and its number) unless told.")]


def set_role_command(
    company_id: CompanyId,
    person_id: PersonId,
    roles: Roles = None,
    remove: Remove = False,
    workspace: Workspace = "default",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Set a person's role in a company's buyer group, whatever the rules say.

    No refresh overwrites it. It waits for somebody who does not work there yet, is kept for who left, and counts until
    it is set anew or removed. It is a change like any other: it obeys the limit of one refresh an hour.
    """
    from consumers.settings import ConsumerSettings

    if bool(roles) == remove:
        raise CommandError("say which role, or --remove", USAGE)
    settings = read_settings(ConsumerSettings)
    names = _names(settings, workspace)  # also when a role is taken back: the workspace may be misspelled
    role = ", ".join(_known(names, workspace, said) for said in roles or ())
    event_id = _publish(settings, company_id, person_id, role or None, workspace, by or user_name())
    if as_json:
        emit({"status": "enqueued", "eventId": event_id, "source": _SOURCE, "role": role or None})
    else:
        done = f"{person_id} is {role}" if role else f"the rules decide about {person_id}"
        say(f"{done} at {company_id} in workspace {workspace}; the group follows with the next refresh")


def _names(settings: "ConsumerSettings", workspace: str) -> list[str]:
    """The roles that a workspace has."""
    from consumers.buyer_group import Role
    from consumers.workspaces.policies import Policies
    from db.store import Store

    url = settings.database_url.get_secret_value()
    with database_trouble(url), Store(url) as store:
        policy = Policies().learned(store.policies()).latest(workspace)
    if policy is None:
        raise CommandError(f"there is no workspace {workspace}: see `person-changes workspace list`", USAGE)
    return [*map(str, Role), *(own.name for own in policy.own_roles)]


def _known(names: "Sequence[str]", workspace: str, said: str) -> str:
    """The role as the workspace calls it."""
    for name in names:
        if name.casefold() == said.strip().casefold():
            return name
    raise CommandError(f"{said} is no role of workspace {workspace}: its roles are {', '.join(names)}", USAGE)


def _publish(
    settings: "ConsumerSettings", company_id: str, person_id: str, role: str | None, workspace: str, by: str
) -> str:
    from schemas.appender import Appender, NotAppendedError
    from schemas.events import ChangeType, Company, InvalidChangeError, Person, PersonChange, validate_change
    from schemas.outgoing import outgoing

    now, event_id = now_ms(), f"role_{uuid.uuid4().hex}"
    change = PersonChange(
        event_id=event_id,
        source=_SOURCE,
        type=ChangeType.ROLE_SET,
        occurred_at=now,
        received_at=now,
        company=Company(company_id),
        person=Person(person_id),
        workspace_id=workspace,
        requested_by=by,
        role=role,
    )
    try:
        record = outgoing(validate_change(change), settings)
        with kafka_trouble(settings.kafka_bootstrap_servers):
            Appender(settings, "person-changes-cli").append([record])
    except InvalidChangeError as error:
        raise CommandError(str(error), USAGE) from error
    except NotAppendedError as error:
        raise CommandError(f"the role may not be set: {error}; set it again") from error
    return event_id
