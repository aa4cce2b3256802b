# ruff: noqa: PLC0415 -- the server's parts are loaded inside the command, so that --help starts fast
"""`person-changes ingress`: the HTTP side."""

import typer

from cli.environment import read_settings


def ingress_command() -> None:
    """Run the HTTP side: webhooks in, the read API, the web page.

    Takes its settings from the environment only. It stops on Ctrl-C or SIGTERM, after the requests under way are
    answered.
    """
    from cli.logs import configure_logs
    from ingress.serve import run_ingress
    from ingress.settings import IngressSettings

    configure_logs()
    raise typer.Exit(run_ingress(read_settings(IngressSettings, with_local_file=False)))
