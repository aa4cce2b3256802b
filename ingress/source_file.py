"""The file of sources (`SOURCES_FILE`): read into checked configuration, or refused with all that is wrong in it."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from ingress.presets import preset_keys, presets
from ingress.providers.registry import ADAPTERS
from ingress.secret_refs import SecretRef
from ingress.settings import MAX_WINDOW_SECONDS, PublicUrl
from ingress.signatures.scheme import Scheme
from ingress.success import Success

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?")
OURS: Final = frozenset({"manual"})
"""Sources of changes that are made here: nobody outside may speak in their name."""
_TWICE: Final = re.compile(r"Cannot declare \('sources', '([^']*)'\) twice")


class SourcesError(Exception):
    """Sources that cannot be used: every fault, with the file, the source and the key, and what to do."""

    def __init__(self, file: Path | None, faults: list[str]) -> None:
        lines = faults if file is None else [f"{file}: {fault}" for fault in faults]
        super().__init__("\n".join(lines))


class SourceConfig(Scheme):
    """One source of the file, its preset laid beneath what it says itself.

    Attributes:
        preset: where its scheme came from.
        secrets: any of them proves the sender; the first that counts answers a challenge.
        company_ids: whether the payload's company ids are ours, or the provider's own.
        person_ids: the same for its person ids; ours are shared by all sources that have them.
        adapter: what reads the payload.
        success: the answer to what was taken; None is our own.
        keeps_unreadable: a payload that cannot be read is kept and answered with success, for a sender who would take
            refusals for a reason to stop.
        max_age_seconds: how old a signature may be; None takes `SIGNATURE_MAX_AGE_SECONDS`.
        max_ahead_seconds: how far ahead it may be; None takes `SIGNATURE_MAX_AHEAD_SECONDS`.
        public_url: how this provider reaches the server; None takes `PUBLIC_URL`.
    """

    preset: str | None = None
    secrets: tuple[SecretRef, ...] = ()
    company_ids: Literal["ours", "theirs"] = "ours"
    person_ids: Literal["ours", "theirs"] = "ours"
    adapter: str = "original"
    success: Success | None = None
    keeps_unreadable: bool = False
    max_age_seconds: float | None = Field(default=None, gt=0, le=MAX_WINDOW_SECONDS)
    max_ahead_seconds: float | None = Field(default=None, ge=0, le=MAX_WINDOW_SECONDS)
    public_url: PublicUrl = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.adapter not in ADAPTERS:
            raise ValueError(f"adapter {self.adapter!r} is none of {', '.join(sorted(ADAPTERS))}")
        if self.mode == "none" and self.secrets:
            raise ValueError("secrets are of no use in mode none: leave them out, or take another mode")
        if self.mode != "none" and not self.secrets:
            raise ValueError('secrets is missing: refer to one, as in secrets = ["env:ACME_SECRET"]')
        if self.timestamp is None and not (self.max_age_seconds is None and self.max_ahead_seconds is None):
            raise ValueError("max_age_seconds and max_ahead_seconds are of no use: this scheme signs no time")
        if self.challenge is None and any(secret.application for secret in self.secrets):
            raise ValueError("application is for a source that answers a challenge")
        return self


def read_file(path: Path) -> dict[str, SourceConfig]:
    """The sources of a file, by name.

    Raises:
        SourcesError: says all that is wrong with it.
    """
    configs: dict[str, SourceConfig] = {}
    faults: list[str] = []
    for name, given in _tables(path).items():
        found = _config(name, given)
        if isinstance(found, SourceConfig):
            configs[name] = found
        else:
            faults += [f"source {name}: {fault}" for fault in found]
    if faults:
        raise SourcesError(path, faults)
    return configs


def _tables(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        why = error.strerror or str(error)
        raise SourcesError(path, [f"cannot be read ({why}): SOURCES_FILE must name a readable file"]) from None
    except UnicodeDecodeError as error:
        raise SourcesError(path, [f"is not in UTF-8 (byte {error.start}): save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        if found := _TWICE.search(str(error)):
            fault = f"source {found[1]}: is there twice: give one of them another name ({error})"
        else:
            fault = f"is no TOML: {error}"
        raise SourcesError(path, [fault]) from None
    tables = document.pop("sources", None)
    if document:
        raise SourcesError(path, [f"{next(iter(document))!r} is not known here: each source is a table [sources.NAME]"])
    if not isinstance(tables, dict) or not tables:
        raise SourcesError(path, ["names no source: each is a table [sources.NAME]"])
    return tables


def _config(name: str, given: Any) -> SourceConfig | list[str]:
    """A source, or what is wrong with it."""
    if fault := _name_fault(name):
        return [fault]
    if not isinstance(given, dict):
        return ["must be a table [sources.NAME]"]
    preset, known = given.get("preset"), ", ".join(presets())
    if preset is None and "mode" not in given:
        return [f"preset is missing: name one ({known}), or spell a scheme out, beginning with mode"]
    if preset is not None and (not isinstance(preset, str) or preset not in presets()):
        return [f"preset: {preset!r} is none of {known}"]
    try:
        return SourceConfig.model_validate({**(preset_keys(preset) if preset else {}), **given})
    except ValidationError as error:
        return [_sentence(detail) for detail in error.errors(include_url=False, include_input=False)]


def _name_fault(name: str) -> str | None:
    if not NAME.fullmatch(name):
        return "has a name that cannot be part of a URL: take 1 to 63 of a-z, 0-9, - and _, not - or _ at its ends"
    if name in OURS:
        return "has the name of changes that are made here: take another one"
    return None


def _sentence(detail: Mapping[str, Any]) -> str:
    """What pydantic found, as a sentence that begins with the key."""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    kind, message = detail["type"], detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        message = f"is not known here; a source may say {', '.join(sorted(SourceConfig.model_fields))}"
    elif kind == "missing":
        message = "is missing"
    elif kind != "value_error":
        message = message[:1].lower() + message[1:]
    return f"{place}: {message}" if place else message
