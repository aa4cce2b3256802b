"""Records as they are appended: topic, key, value and headers of what is said."""

from typing import NamedTuple

from schemas.codec import encode_valid_change
from schemas.events import PersonChange
from schemas.hints import PersonHint, encode_hint
from schemas.settings import KafkaSettings
from schemas.topics import Headers, change_headers, company_key, hint_key


class Outgoing(NamedTuple):
    """A record before it has a partition."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def outgoing(said: PersonChange | PersonHint, settings: KafkaSettings, traceparent: str | None = None) -> Outgoing:
    """The record of a change that `validate_change` has let pass, or of a hint.

    Raises:
        InvalidChangeError: the hint breaks a limit of the contract.
    """
    headers = change_headers(said, traceparent)
    if isinstance(said, PersonHint):
        key = hint_key(said.source, said.person.id)
        return Outgoing(settings.person_hints_topic, key, encode_hint(said), headers)
    return Outgoing(settings.person_changes_topic, company_key(said.company.id), encode_valid_change(said), headers)
