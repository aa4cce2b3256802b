"""A system with hints, and an ingress for every provider."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

import ingress.app
from ingress.providers.registry import ADAPTERS
from ingress.settings import IngressSettings
from ingress.sources import Sources, sources_from
from tests.support.system import System

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress


@pytest.fixture
def hinted(system: System, make_topic: Callable[..., str]) -> System:
    """A system with a topic of hints, whose companies are refreshed as often as it takes."""
    system.settings |= {"PERSON_HINTS_TOPIC": make_topic(3), "REFRESH_INTERVAL_SECONDS": "0.1"}
    return system


@pytest.fixture
def providers(hinted: System, start: Callable[..., "Ingress"], monkeypatch: pytest.MonkeyPatch) -> "Ingress":
    """An ingress with one source a provider, which all sign as the original does."""

    def sources(settings: IngressSettings) -> Sources:
        original = sources_from(settings).original
        assert original is not None
        named = {name: replace(original, name=name, given=name, read=read) for name, read in ADAPTERS.items()}
        return Sources(original, MappingProxyType(named))

    monkeypatch.setattr(ingress.app, "sources_from", sources)
    return start(
        kafka_bootstrap_servers=hinted.bootstrap,
        person_changes_topic=hinted.topic,
        person_hints_topic=hinted.settings["PERSON_HINTS_TOPIC"],
        database_url=hinted.database_url,
        publish_timeout_seconds=15,
        lookup_timeout_seconds=5,
    )
