# ruff: noqa: PLC0415 -- the server's parts are loaded inside the command, so that --help starts fast
"""`person-changes ingress`: the HTTP side."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.environment import read_settings
from cli.failures import USAGE, CommandError

if TYPE_CHECKING:
    from ingress.settings import IngressSettings

MAX_WORKERS = 64

Workers = Annotated[
    int,
    typer.Option(min=1, max=MAX_WORKERS, help="How many processes share the port; about one a core is enough."),
]
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True, help="Stop when standard input ends.")]


def ingress_command(workers: Workers = 1, supervised: Supervised = False) -> None:
    """Run the HTTP side: webhooks in, the read API, the web page.

    Takes its settings from the environment only. It stops on Ctrl-C or SIGTERM, after the requests under way are
    answered. With several workers, worker n serves its metrics at INGRESS_METRICS_PORT + n, counted from 0, if that is
    set; when one worker dies, the others stop and the exit code is not 0.
    """
    from cli.logs import configure_logs
    from ingress.serve import run_ingress
    from ingress.settings import IngressSettings

    configure_logs()
    settings = read_settings(IngressSettings, with_local_file=False)
    if workers > 1:
        raise typer.Exit(_supervise(workers, settings))
    if supervised:
        from cli.supervisor import stop_when_orphaned

        stop_when_orphaned()
    raise typer.Exit(run_ingress(settings, shared_port=supervised))


def _supervise(workers: int, settings: "IngressSettings") -> int:
    """Run the workers, once it is sure that the port is nobody else's."""
    from cli.supervisor import MAX_PORT, supervise_ingress
    from ingress.serve import listen, say_cannot_listen

    if not settings.ingress_port:
        raise CommandError("INGRESS_PORT must be a port, not 0: several workers share it", USAGE)
    if settings.ingress_metrics_port and settings.ingress_metrics_port + workers - 1 > MAX_PORT:
        raise CommandError(f"INGRESS_METRICS_PORT leaves no room for {workers} ports below {MAX_PORT}", USAGE)
    try:
        # Workers would share the port with any other process of this user that shares it, and never notice.
        listen(settings).close()
    except OSError as error:
        say_cannot_listen(settings, error)
        return 1
    return supervise_ingress(workers, settings.ingress_metrics_port)
