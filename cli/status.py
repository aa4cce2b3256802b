# ruff: noqa: PLC0415 -- clients and drivers are loaded inside the command, so that --help starts fast
"""`person-changes status`: is everything applied, what waits, what went wrong."""

from typing import TYPE_CHECKING

import typer

from cli.environment import read_settings
from cli.failures import FAILED, CommandError
from cli.output import AsJson, emit, note
from cli.servers import database_trouble, kafka_trouble

if TYPE_CHECKING:
    from schemas.settings import KafkaSettings


def status_command(as_json: AsJson = False) -> None:
    """Show how far the log is applied, what waits and what went wrong.

    Lag is the number of records in the log that are not applied yet. Pending are changes of companies that were
    refreshed less than an hour before: one trailing refresh will cover them. The difference between records consumed
    and outcomes recorded must be 0.

    When Kafka does not answer, the rest is shown all the same, and the exit code is 1.
    """
    from cli.status_view import document, show
    from db.settings import DatabaseSettings
    from db.status import read_status
    from schemas.settings import KafkaSettings

    kafka, database = read_settings(KafkaSettings), read_settings(DatabaseSettings)
    url = database.database_url.get_secret_value()
    with database_trouble(url):
        found = read_status(url, kafka.person_changes_topic, database.database_statement_timeout_seconds)
    ends, problem = _log_ends(kafka)
    if as_json:
        emit(document(kafka.person_changes_topic, found, ends, problem))
    else:
        show(kafka.person_changes_topic, found, ends)
    if problem is not None:
        note(f"person-changes: {problem}")
        raise typer.Exit(FAILED)


def _log_ends(settings: "KafkaSettings") -> tuple[dict[int, tuple[int, int]] | None, str | None]:
    """The log's first and next offset by partition, or why they are not known."""
    from cli.broker import connect, log_ends, partitions_of

    topic = settings.person_changes_topic
    try:
        with kafka_trouble(settings.kafka_bootstrap_servers):
            client = connect(settings)
            partitions = partitions_of(client, topic)
            if not partitions:
                return None, f"there is no topic {topic}: run `person-changes topics`"
            return log_ends(client, topic, partitions), None
    except CommandError as error:
        return None, str(error)
