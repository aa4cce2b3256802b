"""Who may send webhooks, and how each of them signs and shapes them: compiled once, at start-up and on reload."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ingress.challenge import Challenge
from ingress.presets import preset_keys
from ingress.providers import Adapter
from ingress.providers.own_ids import with_own_ids
from ingress.providers.plain import DEFAULT_SOURCE
from ingress.providers.registry import ADAPTERS
from ingress.settings import IngressSettings
from ingress.signatures import Verifier
from ingress.signatures.keys import Key, KeyFormatError
from ingress.signatures.scheme import Mode
from ingress.signatures.signed import signed
from ingress.signatures.tokens import Unsigned, token
from ingress.source_file import SourceConfig, SourcesError, read_file
from ingress.success import Success

GENERIC_REF: Final = "env:WEBHOOK_SECRET"


@dataclass(frozen=True, slots=True)
class Source:
    """A sender, or a kind of senders that share their secrets.

    Attributes:
        name: label in metrics.
        given: the source that its changes get, whatever the payload says; None takes the payload's own.
        mode: how it proves itself.
        keys: any of them proves it.
        adapter: the name of what reads its payload.
        success: the answer to what was taken; None is our own.
        challenge: answers the provider's question for proof.
        path_token: its URL has one segment more, the token.
        public_url: how this sender reaches the server; None is as all others do.
        keeps_unreadable: a payload that cannot be read is kept and answered with success, for a sender who would take
            refusals for a reason to stop.
    """

    name: str
    given: str | None
    mode: Mode
    keys: tuple[Key, ...]
    adapter: str
    verifier: Verifier
    read: Adapter
    success: Success | None = None
    challenge: Challenge | None = None
    path_token: bool = False
    public_url: str | None = None
    keeps_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """All of them.

    Attributes:
        original: behind the original URL, which names no source; None when there is no source `generic`.
        named: behind the URLs that do.
    """

    original: Source | None
    named: Mapping[str, Source]


def sources_from(settings: IngressSettings) -> Sources:
    """The sources of `SOURCES_FILE`, and `generic`, whose secrets are in `WEBHOOK_SECRET`, if that is set.

    Raises:
        SourcesError: says all that is wrong, and where.
    """
    path, named = settings.sources_file, {}
    if path is not None:
        named = _from_file(path, read_file(path), settings)
    if settings.secrets:
        if DEFAULT_SOURCE in named:
            fault = f"source {DEFAULT_SOURCE}: WEBHOOK_SECRET makes one of this name too: rename it, or unset that"
            raise SourcesError(path, [fault])
        named[DEFAULT_SOURCE] = _generic(settings)
    generic = named.get(DEFAULT_SOURCE)
    return Sources(replace(generic, given=None) if generic else None, MappingProxyType(named))


def _generic(settings: IngressSettings) -> Source:
    scheme = SourceConfig.model_validate({**preset_keys("original"), "secrets": [GENERIC_REF]})
    several = len(settings.secrets) > 1
    keys = tuple(
        Key(f"{GENERIC_REF}[{place}]" if several else GENERIC_REF, secret)
        for place, secret in enumerate(settings.secrets)
    )
    return _source(DEFAULT_SOURCE, scheme, keys, settings)


def _from_file(path: Path, configs: Mapping[str, SourceConfig], settings: IngressSettings) -> dict[str, Source]:
    found, faults = {}, []
    for name, config in configs.items():
        keys, wrong = _keys(config)
        if "url" in config.parts and not (config.public_url or settings.public_url):
            wrong.append("public_url: is missing, and its scheme signs the URL: set it or PUBLIC_URL to https://…")
        if wrong:
            faults += [f"source {name}: {fault}" for fault in wrong]
        else:
            found[name] = _source(name, config, keys, settings)
    if faults:
        raise SourcesError(path, faults)
    return found


def _keys(config: SourceConfig) -> tuple[tuple[Key, ...], list[str]]:
    """The secrets of a source, and what is wrong with those that are left out."""
    keys, wrong = [], []
    for place, ref in enumerate(config.secrets):
        try:
            keys.append(ref.key(config))
        except KeyFormatError as error:
            wrong.append(f"secrets[{place}]: {error}")
    return tuple(keys), wrong


def _source(name: str, config: SourceConfig, keys: tuple[Key, ...], settings: IngressSettings) -> Source:
    read = ADAPTERS[config.adapter]
    theirs = {"companies": config.company_ids == "theirs", "people": config.person_ids == "theirs"}
    return Source(
        name=name,
        given=name,
        mode=config.mode,
        keys=keys,
        adapter=config.adapter,
        verifier=_verifier(config, keys, settings),
        read=with_own_ids(name, read, **theirs) if any(theirs.values()) else read,
        success=config.success,
        challenge=Challenge(keys) if config.challenge else None,
        path_token=any(place.path for place in config.tokens),
        public_url=config.public_url,
        keeps_unreadable=config.keeps_unreadable,
    )


def _verifier(config: SourceConfig, keys: tuple[Key, ...], settings: IngressSettings) -> Verifier:
    if config.mode == "none":
        return Unsigned()
    if config.mode == "token":
        return token(config, keys)
    age, ahead = config.max_age_seconds, config.max_ahead_seconds
    return signed(
        config,
        keys,
        round((settings.signature_max_age_seconds if age is None else age) * 1000),
        round((settings.signature_max_ahead_seconds if ahead is None else ahead) * 1000),
        config.public_url or settings.public_url or "",
    )


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
