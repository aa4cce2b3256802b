# ruff: noqa: PLC0415 -- the servers' parts are loaded inside the command, so that --help starts fast
"""`person-changes up`: everything on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from cli.environment import DEFAULT_DATA_DIR

DataDir = Annotated[
    Path, typer.Option(envvar="DATA_DIR", help="Folder of the embedded servers' data; made if missing.")
]
Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Where the web page and the API listen.")]


def up_command(data_dir: DataDir = Path(DEFAULT_DATA_DIR), port: Port = 8000) -> None:
    """Run the whole system on this machine, until Ctrl-C.

    Starts a real Kafka and a real PostgreSQL that keep their data in the data folder, then the ingress, a consumer and
    a resolver and the relay.

    Where KAFKA_BOOTSTRAP_SERVERS or DATABASE_URL is set in the environment, that server is used instead of an embedded
    one.
    """
    from cli.logs import configure_logs
    from local.up import up

    configure_logs()
    raise typer.Exit(up(data_dir, port))
