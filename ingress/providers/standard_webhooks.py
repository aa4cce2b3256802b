"""The envelope of Standard Webhooks: `type`, `timestamp`, `data`, with a change in the original's words in `data`.

Thin payloads are welcome: data that names a person and no company becomes a hint.
"""

from typing import Any, Final

from ingress.providers import Found, Skipped
from ingress.providers.fields import derived_id, element
from ingress.providers.original import TAKEN, read_payload
from schemas.events import ChangeType, InvalidChangeError, PersonChange

_ENVELOPE: Final = frozenset({"id", "type", "timestamp"})
_HINTED: Final = TAKEN - {ChangeType.COMPANY_CHANGE, ChangeType.REFRESH_REQUESTED}
"""A move without any company says nothing, and neither does the wish to refresh none."""


def read_envelope(payload: Any, received_at: int, source: str | None) -> list[PersonChange] | Found | Skipped:
    """The records of an envelope; see `Adapter`.

    Its id is the envelope's `id`, else one derived from the whole envelope, whose timestamp tells two events with the
    same data apart and stays the same in a redelivery.
    """
    envelope = element(payload, "body")
    data = element(envelope.get("data", {}), "data")
    given = envelope.get("id")
    flat = {
        **data,
        "id": derived_id(envelope) if given is None else given,
        "type": envelope.get("type"),
        "timestamp": envelope.get("timestamp"),
    }
    try:
        return read_payload(flat, received_at, source, _HINTED)
    except InvalidChangeError as error:
        field = error.field if error.field in _ENVELOPE else f"data.{error.field}"
        raise InvalidChangeError(field, error.reason) from None
