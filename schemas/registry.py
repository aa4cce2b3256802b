"""A Schema Registry, asked for the schemas of records in the Confluent wire format, each once."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from schemas.codec import UndecodableError, parse_foreign
from schemas.settings import RegistrySettings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

ANSWER_SECONDS: Final = 5.0
REMEMBERED_MISSES: Final = 1000
MISS_SECONDS: Final = 10.0
"""How long an id that the registry did not know is not asked for again: it may be registered meanwhile."""
_NOT_FOUND: Final = frozenset({40401, 40402, 40403})
"""The registry's own codes for: no such subject, version, schema. A plain 404 is that of a wrong URL or a proxy."""


class RegistryUnavailableError(Exception):
    """The registry did not answer as one: an outage, or wrong settings; asking again later may help."""


class SchemaRegistry:
    """Schemas by id, from confluent-kafka's client; used by one thread.

    Args:
        client: connects, and disconnects when its block ends. There is one question a schema in the life of a process:
            not worth a connection that somebody must close.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: "Callable[[], AbstractContextManager[SchemaRegistryClient]]",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._clock = client, clock
        self._writers: dict[int, Any] = {}
        self._useless: dict[int, tuple[str, float]] = {}

    def writer(self, schema_id: int) -> Any:
        """The schema of this id, ready for reading; asked for once.

        Raises:
            UndecodableError: the registry does not know the id, or it is no Avro schema.
            RegistryUnavailableError: it cannot be asked now.
        """
        found = self._writers.get(schema_id)
        if found is None:
            self._refuse_if_useless(schema_id)
            found = self._writers[schema_id] = self._load(schema_id)
        return found

    def _refuse_if_useless(self, schema_id: int) -> None:
        reason, until = self._useless.get(schema_id, ("", 0.0))
        if self._clock() < until:
            raise UndecodableError(reason)

    def _load(self, schema_id: int) -> Any:
        try:
            with self._client() as client:
                return _parsed(client, _ask(partial(client.get_schema, schema_id)), {})
        except UndecodableError as error:
            reason = f"Confluent wire format, schema id {schema_id}: {error}"
            if len(self._useless) >= REMEMBERED_MISSES:
                self._useless.clear()
            self._useless[schema_id] = (reason, self._clock() + MISS_SECONDS)
            raise UndecodableError(reason) from error


def _parsed(client: "SchemaRegistryClient", schema: "Schema", named: dict[str, Any]) -> Any:
    if schema.schema_type != "AVRO":
        raise UndecodableError(f"is a {schema.schema_type} schema, not an Avro one")
    for reference in schema.references or ():
        if reference.subject is not None and reference.version is not None:
            found = _ask(partial(client.get_version, reference.subject, reference.version))
            _parsed(client, found.schema, named)
    try:
        return parse_foreign(json.loads(schema.schema_str or ""), named)
    except ValueError as error:
        raise UndecodableError(str(error)) from error


def _ask(question: Callable[[], Any]) -> Any:
    from confluent_kafka.schema_registry.error import SchemaRegistryError  # noqa: PLC0415  # see `connect`

    try:
        return question()
    except SchemaRegistryError as error:
        if error.error_code in _NOT_FOUND:
            raise UndecodableError(f"the Schema Registry does not know it: {error.error_message}") from error
        raise RegistryUnavailableError(f"the Schema Registry answered: {error}") from error
    except Exception as error:  # its HTTP client's errors have no common base; whatever is in the way is an outage
        raise RegistryUnavailableError(f"the Schema Registry: {type(error).__name__}: {error}") from error


def connect(settings: RegistrySettings) -> SchemaRegistry | None:
    """The registry of the settings; nothing is asked yet. None when there is none."""
    if not settings.schema_registry_url:
        return None
    from confluent_kafka.schema_registry import SchemaRegistryClient  # noqa: PLC0415  # half a second that few need

    config: dict[str, Any] = {
        "url": settings.schema_registry_url,
        "timeout": ANSWER_SECONDS,
        "max.retries": 0,  # who asks tries again, and says so
    }
    if settings.schema_registry_user_info is not None:
        config["basic.auth.user.info"] = settings.schema_registry_user_info.get_secret_value()
    return SchemaRegistry(partial(SchemaRegistryClient, config))
