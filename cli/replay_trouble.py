# ruff: noqa: PLC0415 -- clients and drivers are loaded by the commands that use them, so that --help starts fast
"""What the commands that fold the log again have in common: settings, progress, and trouble in one sentence."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import CommandError
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from consumers.settings import ConsumerSettings

First = Annotated[int, typer.Option(min=0, help="Name at most so many rows that differ.")]
AcceptCutOff = Annotated[
    bool,
    typer.Option(
        "--accept-cut-off-log",
        help="Also when retention has deleted the log's beginning: what only live knows of it is lost.",
    ),
]
AcceptSplit = Annotated[
    bool,
    typer.Option(
        "--accept-split",
        help="Also when companies have changes on several partitions: when they were refreshed may become other times.",
    ),
]


def replay_settings() -> "ConsumerSettings":
    """The settings of the live consumers, with librdkafka's own lines silenced."""
    from cli.broker import connect, quiet
    from cli.environment import read_settings
    from cli.logs import configure_logs
    from consumers.settings import ConsumerSettings

    configure_logs()
    settings = read_settings(ConsumerSettings)
    with kafka_trouble(settings.kafka_bootstrap_servers):
        connect(settings)
    return settings.model_copy(update={"kafka_client_config": quiet(settings).kafka_client_config})


@contextmanager
def replay_trouble(settings: "ConsumerSettings") -> Iterator[None]:
    """Explain what goes wrong while the log is folded again.

    Raises:
        CommandError: in place of Kafka's, the database's and the fold's own errors.
    """
    from consumers.replay.compare import SplitCompaniesError
    from consumers.replay.rebuild import LogCutOffError, NothingToPromoteError
    from consumers.runtime.intake import LogError
    from db.shadow import ShadowBusyError
    from schemas.registry import RegistryUnavailableError

    with ExitStack() as stack:
        stack.enter_context(database_trouble(settings.database_url.get_secret_value()))
        stack.enter_context(kafka_trouble(settings.kafka_bootstrap_servers))
        try:
            yield
        except (
            LogError,
            LogCutOffError,
            NothingToPromoteError,
            RegistryUnavailableError,
            ShadowBusyError,
            SplitCompaniesError,
        ) as error:
            raise CommandError(str(error)) from error
