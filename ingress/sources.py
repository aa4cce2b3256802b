"""Who may send webhooks, and how each of them signs and shapes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ingress.providers import Adapter
from ingress.providers.original import DEFAULT_SOURCE, read_changes
from ingress.settings import IngressSettings
from ingress.signatures import Verifier
from ingress.signatures.original import TimestampedHex


@dataclass(frozen=True, slots=True)
class Source:
    """A sender, or a kind of senders that share their secrets.

    Attributes:
        name: label in metrics.
        given: the source that its changes get, whatever the payload says; None takes the payload's own.
        keeps_unreadable: a payload that cannot be read is kept and answered with success, for a sender who would take
            refusals for a reason to stop.
    """

    name: str
    given: str | None
    verifier: Verifier
    read: Adapter
    keeps_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """All of them.

    Attributes:
        original: behind the original URL, which names no source.
        named: behind the URLs that do.
    """

    original: Source
    named: Mapping[str, Source]


def sources_from(settings: IngressSettings) -> Sources:
    """The sources that the settings name: one, whose secrets are in `WEBHOOK_SECRET`."""
    verifier = TimestampedHex(
        settings.secrets,
        round(settings.signature_max_age_seconds * 1000),
        round(settings.signature_max_ahead_seconds * 1000),
    )
    original = Source(DEFAULT_SOURCE, None, verifier, read_changes)
    named = Source(DEFAULT_SOURCE, DEFAULT_SOURCE, verifier, read_changes)
    return Sources(original, MappingProxyType({DEFAULT_SOURCE: named}))


EXAMPLE: Final = MappingProxyType(
    {
        "id": "evt_test_001",
        "source": "test",
        "type": "person.role_change",
        "timestamp": "2025-10-10T12:00:00Z",
        "person": {
            "id": "person_123",
            "name": "John Doe",
            "email": "john@example.com",
            "oldTitle": "VP Sales",
            "newTitle": "CRO",
        },
        "company": {"id": "company_456", "name": "Test Company"},
        "changes": {"title": {"old": "VP Sales", "new": "CRO"}},
    }
)
"""The payload of the original quick start, for the documentation."""
