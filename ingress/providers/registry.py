"""The adapters by the names that a configuration gives them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ingress.providers import Adapter
from ingress.providers.coresignal import read_members
from ingress.providers.hubspot import read_events
from ingress.providers.linkedin import read_notification
from ingress.providers.lusha import read_signal
from ingress.providers.original import read_changes
from ingress.providers.standard_webhooks import read_envelope

ADAPTERS: Final[Mapping[str, Adapter]] = MappingProxyType(
    {
        "original": read_changes,
        "standard-webhooks": read_envelope,
        "lusha": read_signal,
        "hubspot": read_events,
        "coresignal": read_members,
        "linkedin": read_notification,
    }
)
