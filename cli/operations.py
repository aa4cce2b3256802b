# ruff: noqa: PLC0415 -- the driver is loaded inside the command, so that --help starts fast
"""`person-changes operations`: runs of steps that other pipelines ask for."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import read_settings
from cli.output import AsJson, emit, iso, note, say, span, table
from cli.servers import database_trouble

if TYPE_CHECKING:
    from db.operations import Operation

operations_app = typer.Typer(no_args_is_help=True, help="Look at runs of steps of pipelines.")

_HEADS = ("began", "step", "company", "key", "status", "attempts", "took", "error")


class Status(StrEnum):
    """What a run may be."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


Company = Annotated[str | None, typer.Option(help="Only of this company; the consumer's own step is shown too.")]
StepName = Annotated[str | None, typer.Option("--step", help="Only this step, such as nightly.save_buyer_group.")]
StatusOption = Annotated[Status | None, typer.Option("--status", help="Only runs that are this.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the latest first.")]


@operations_app.callback()
def operations() -> None:
    """Look at runs of steps of pipelines."""


@operations_app.command("list")
def list_command(
    company: Company = None,
    step: StepName = None,
    status: StatusOption = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what ran, for which company, how it ended, and why it failed.

    `running` is also what a process left behind that died; whoever calls the step again with its key takes it over.
    Times are in UTC.
    """
    from db.operations import Operations
    from db.settings import DatabaseSettings

    url = read_settings(DatabaseSettings).database_url.get_secret_value()
    with database_trouble(url), Operations(url) as runs:
        found = runs.read(limit, company, step, status)
    if as_json:
        emit([_document(run) for run in found])
    elif not found:
        say("no runs")
    else:
        table(_HEADS, [_line(run) for run in found], right=("attempts", "took"))
        if len(found) == limit:
            note("there may be more; --limit shows them")


def _line(run: "Operation") -> tuple[object, ...]:
    took = span(None if run.duration_ms is None else round(run.duration_ms))
    return iso(run.began_at), run.step, run.company_id, run.key, run.status, run.attempts, took, run.error


def _document(run: "Operation") -> dict[str, Any]:
    return {
        "companyId": run.company_id,
        "step": run.step,
        "key": run.key,
        "status": run.status,
        "attempts": run.attempts,
        "error": run.error,
        "durationMs": run.duration_ms,
        "beganAt": iso(run.began_at),
        "finishedAt": iso(run.finished_at),
    }
