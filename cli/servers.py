# ruff: noqa: PLC0415 -- clients and drivers are loaded by the commands that use them, so that --help starts fast
"""Trouble with PostgreSQL and Kafka in one sentence: which address, where it was set, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from cli.environment import origin
from cli.failures import USAGE, CommandError

if TYPE_CHECKING:
    from confluent_kafka import KafkaException

_NOT_MIGRATED: Final = frozenset({"UndefinedTable", "UndefinedFunction", "UndefinedColumn", "InvalidSchemaName"})
_LOOK_AFTER: Final = "Start it (`make run` starts everything on this machine)"


@contextmanager
def database_trouble(url: str) -> Iterator[None]:
    """Explain what goes wrong with the database inside.

    Args:
        url: the value of DATABASE_URL; shown without its password.

    Raises:
        CommandError: in place of the database's own errors.
    """
    from db.errors import DatabaseError, RetryableDatabaseError
    from db.migrate import MigrationError

    where = f"{database_address(url)} (DATABASE_URL, {origin('DATABASE_URL')})"
    try:
        yield
    except MigrationError as error:
        raise CommandError(f"the database at {where} cannot be migrated: {error}") from error
    except DatabaseError as error:
        kind, _, text = str(error).partition(": ")
        text = _first_line(text).replace(url, "…")
        if kind in _NOT_MIGRATED:
            raise CommandError(
                f"the database at {where} has not this version's tables ({text}): run `person-changes migrate`"
            ) from error
        if isinstance(error, RetryableDatabaseError):
            raise CommandError(
                f"PostgreSQL cannot be used at {where}: {text}\n{_LOOK_AFTER}, or set DATABASE_URL to where it is"
            ) from error
        raise CommandError(f"PostgreSQL at {where} refused: {text}") from error


def database_address(url: str) -> str:
    """A database's address without user and password.

    Raises:
        CommandError: this is no PostgreSQL address; its text is not shown, for it may hold a password.
    """
    scheme, _, rest = url.partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise CommandError(
            f"DATABASE_URL ({origin('DATABASE_URL')}) is no PostgreSQL address: "
            "it must look like postgresql://user:password@host:5432/database",
            USAGE,
        )
    hosts, slash, path = rest.partition("?")[0].partition("/")
    return f"{hosts.rpartition('@')[2] or 'the local socket'}{slash}{path}"


@contextmanager
def kafka_trouble(bootstrap_servers: str) -> Iterator[None]:
    """Explain what goes wrong with Kafka inside.

    Args:
        bootstrap_servers: the value of KAFKA_BOOTSTRAP_SERVERS.

    Raises:
        CommandError: in place of the client's and the contract's own errors.
    """
    from confluent_kafka import KafkaException

    from schemas.admin import TopicConfigError

    try:
        yield
    except TopicConfigError as error:
        raise CommandError(str(error)) from error
    except KafkaException as error:
        where = f"{bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS, {origin('KAFKA_BOOTSTRAP_SERVERS')})"
        raise CommandError(_kafka_sentence(error, where)) from error


def _kafka_sentence(error: "KafkaException", where: str) -> str:
    from confluent_kafka import KafkaError

    cause: KafkaError = error.args[0]
    away = {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}  # noqa: SLF001
    if cause.code() in away:
        remedy = f"{_LOOK_AFTER}, or set KAFKA_BOOTSTRAP_SERVERS to where it is"
        return f"Kafka does not answer at {where}: {cause.str()}\n{remedy}"
    if cause.code() == KafkaError._INVALID_ARG:  # noqa: SLF001
        return f"the Kafka client refuses its settings, KAFKA_CLIENT_CONFIG or KAFKA_BOOTSTRAP_SERVERS: {cause.str()}"
    return f"Kafka at {where} refused: {cause.str()} ({cause.name()})"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
