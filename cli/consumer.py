# ruff: noqa: PLC0415 -- the consumer's parts are loaded inside the command, so that --help starts fast
"""`person-changes consumer`: what turns changes into buyer groups."""

from typing import Annotated

import typer

from cli.environment import read_settings
from cli.failures import USAGE, CommandError

MAX_WORKERS = 256

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MAX_WORKERS,
        show_default="one a core, TOPIC_PARTITIONS at most",
        help="How many processes share the work; more than the topic has partitions are idle.",
    ),
]
Supervised = Annotated[bool, typer.Option("--supervised", hidden=True, help="Stop when standard input ends.")]


def consumer_command(workers: Workers = None, supervised: Supervised = False) -> None:
    """Read the log of changes and keep the buyer groups right, until Ctrl-C or SIGTERM.

    Takes its settings from the environment only. Each worker has CONSUMER_LANES connections. With several,
    worker n serves its health and metrics at CONSUMER_HTTP_PORT + n, counted from 0; when one worker dies, the others
    stop and the exit code is not 0.
    """
    from cli.logs import configure_logs
    from consumers.settings import ConsumerSettings

    configure_logs()
    settings = read_settings(ConsumerSettings, with_local_file=False)
    if workers is None:
        from cli.cores import usable_cores

        workers = min(usable_cores(), settings.topic_partitions, MAX_WORKERS)
    if workers > 1:
        from cli.supervisor import MAX_PORT, supervise

        if settings.consumer_http_port and settings.consumer_http_port + workers - 1 > MAX_PORT:
            raise CommandError(f"CONSUMER_HTTP_PORT leaves no room for {workers} ports below {MAX_PORT}", USAGE)
        raise typer.Exit(supervise(workers, settings.consumer_http_port))
    from consumers.runtime.run import run_consumer

    if supervised:
        from cli.supervisor import stop_when_orphaned

        stop_when_orphaned()
    raise typer.Exit(run_consumer(settings))
