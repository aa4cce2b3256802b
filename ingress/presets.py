"""The presets of `presets.toml`, read and checked once."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ingress.signatures.scheme import Scheme
from ingress.success import Success

FILE: Final = Path(__file__).with_name("presets.toml")


class Preset(Scheme):
    """A scheme, and what else a provider's sources have in common.

    Attributes:
        about: one sentence, for people.
        adapter: what reads the payload.
        success: the answer to what was taken; None is our own.
        keeps_unreadable: a payload that cannot be read is kept, and answered with success.
    """

    about: str
    adapter: str
    success: Success | None = None
    keeps_unreadable: bool = False


@cache
def presets() -> Mapping[str, Preset]:
    """All of them, by name."""
    return MappingProxyType({name: Preset.model_validate(given) for name, given in _given().items()})


def preset_keys(name: str) -> dict[str, Any]:
    """What a preset says, as if the source itself had said it.

    Raises:
        KeyError: there is no such preset.
    """
    return {key: value for key, value in _given()[name].items() if key != "about"}


@cache
def _given() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FILE.read_text("utf-8"))
