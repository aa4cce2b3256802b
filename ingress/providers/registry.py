"""All payload adapters, by the name that a source's configuration has for them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ingress.providers import Adapter, original

ADAPTERS: Final[Mapping[str, Adapter]] = MappingProxyType({"original": original.read_changes})
