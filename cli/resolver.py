# ruff: noqa: PLC0415 -- the resolver's parts are loaded inside the command, so that --help starts fast
"""`person-changes resolver`: what finds the companies that a hint is about."""

import typer

from cli.environment import read_settings


def resolver_command() -> None:
    """Turn hints, which name a person but no company, into changes at each company that knows them, until Ctrl-C.

    Takes its settings from the environment only. Several share the work. A hint that no company can be told of is
    parked; `hints list` shows those.
    """
    from cli.logs import configure_logs
    from consumers.resolver.run import run_resolver
    from consumers.resolver.settings import ResolverSettings

    configure_logs()
    raise typer.Exit(run_resolver(read_settings(ResolverSettings, with_local_file=False)))
