"""What a company's industry and a person's country say about the short forms in a title."""

from functools import cache, lru_cache
from typing import Final

from consumers.buyer_group.lexicon import fold
from consumers.buyer_group.loading import table
from consumers.buyer_group.room import shares_room
from consumers.buyer_group.wording import read

NO_CONTEXT: Final[frozenset[str]] = frozenset()
_KEPT: Final = 16_384


@lru_cache(maxsize=_KEPT)
def context_of(industry: str | None, country: str | None) -> frozenset[str]:
    """The tags, such as `industry:bank` and `country:se`, that short forms may be settled by.

    Args:
        industry: in a provider's words; what the vocabulary does not know says nothing.
        country: its ISO code, or its name in English or in its own language.
    """
    tags: set[str] = set()
    if industry:
        words = f" {' '.join(read(industry).plain)} "
        tags.update(f"industry:{kind}" for phrase, kind in _industries() if f" {phrase} " in words)
    if country:
        tags.add(f"country:{country_code(country)}")
    return frozenset(tags)


shares_room(context_of.cache_clear)


@lru_cache(maxsize=_KEPT)
def country_code(country: str) -> str:
    """Its ISO code in lower case, of a code or a name; what the vocabulary does not know, as it is."""
    plain = fold(country.strip().casefold())
    return _countries().get(plain, plain)


shares_room(country_code.cache_clear)


@cache
def _industries() -> tuple[tuple[str, str], ...]:
    return tuple((" ".join(read(phrase).plain), kind) for kind, *phrases in table("industries") for phrase in phrases)


@cache
def _countries() -> dict[str, str]:
    return {fold(name.casefold()): code for code, *names in table("countries") for name in names}
