# ruff: noqa: PLC0415 -- the relay's parts are loaded inside the command, so that --help starts fast
"""`person-changes relay`: what tells other services of new versions of buyer groups."""

import typer

from cli.environment import read_settings


def relay_command() -> None:
    """Publish new versions of buyer groups to the topic buyer-group-updates, until Ctrl-C or SIGTERM.

    Takes its settings from the environment only. Start as many as you like: one is at work, the others stand by and
    take over within a second when its connection to the database ends. What waits is shown by `status`.
    """
    from cli.logs import configure_logs
    from consumers.relay.run import run_relay
    from consumers.relay.settings import RelaySettings

    configure_logs()
    raise typer.Exit(run_relay(read_settings(RelaySettings, with_local_file=False)))
