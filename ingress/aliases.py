"""Translates companies that senders name by their own ids, `acme:77`, into ours, where an operator has taught which.

Read through a cache: an alias that is taught counts after `CACHE_SECONDS` in every process. While the database is away,
what is in the cache goes on to count: nobody can teach anything either.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from db.aliases import AliasKey, domain_key, id_key
from db.errors import DatabaseError
from schemas.events import Company, Movement, PersonChange

log = structlog.get_logger()

CACHE_SECONDS: Final = 5.0
MAX_CACHED: Final = 100_000

KnownAliases = Callable[[Collection[AliasKey]], Awaitable[dict[AliasKey, str]]]


class Aliases:
    """The translation, with its cache.

    Args:
        known: the query.
        clock: seconds, monotonic.
    """

    def __init__(self, known: KnownAliases, clock: Callable[[], float] = time.monotonic) -> None:
        self._known, self._clock = known, clock
        self._cache: dict[AliasKey, tuple[str | None, float]] = {}

    def concern(self, changes: Sequence[PersonChange]) -> bool:
        """Whether any of these names a company by its sender's own id; else `ours` returns them as they are."""
        for change in changes:
            theirs = f"{change.source}:"
            if change.company.id.startswith(theirs):
                return True
            if change.other_company is not None and change.other_company.id.startswith(theirs):
                return True
        return False

    async def ours(self, changes: Sequence[PersonChange]) -> Sequence[PersonChange]:
        """The same changes at companies of ours; what nobody has taught stays as it is.

        Raises:
            DatabaseError: an id was never asked for, and the database is away.
        """
        keys = {key for change in changes for company in _named(change) for key in _keys(change.source, company)}
        if not keys:
            return changes
        known = await self._look_up(keys)
        return _one_each([_translated(change, known) for change in changes])

    async def _look_up(self, keys: Collection[AliasKey]) -> dict[AliasKey, str | None]:
        now = self._clock()
        held = {key: entry for key in keys if (entry := self._cache.get(key)) is not None}
        known = {key: company_id for key, (company_id, _) in held.items()}
        asked = [key for key in keys if key not in held or held[key][1] <= now]
        return known | await self._ask(asked, known, now) if asked else known

    async def _ask(
        self, keys: Sequence[AliasKey], known: dict[AliasKey, str | None], now: float
    ) -> dict[AliasKey, str | None]:
        try:
            found = await self._known(keys)
        except DatabaseError as error:
            if any(key not in known for key in keys):
                raise
            log.warning("aliases of companies cannot be looked up; those that are known count on", why=str(error))
            return {}
        if len(self._cache) + len(keys) > MAX_CACHED:
            self._cache.clear()
        answers = {key: found.get(key) for key in keys}
        self._cache |= {key: (company_id, now + CACHE_SECONDS) for key, company_id in answers.items()}
        return answers


def _named(change: PersonChange) -> Iterator[Company]:
    yield change.company
    if change.other_company is not None:
        yield change.other_company


def _keys(source: str, company: Company) -> list[AliasKey]:
    """Where a company may be found: by the source's id, then by domain; nowhere when the id is ours."""
    theirs = company.id.removeprefix(f"{source}:")
    if theirs == company.id:
        return []
    return [id_key(source, theirs), *([domain_key(company.domain)] if company.domain else [])]


def _translated(change: PersonChange, known: dict[AliasKey, str | None]) -> PersonChange:
    def ours(company: Company) -> Company:
        found = [known[key] for key in _keys(change.source, company)]
        return replace(company, id=next((company_id for company_id in found if company_id), company.id))

    other = change.other_company
    return replace(change, company=ours(change.company), other_company=ours(other) if other else None)


def _one_each(changes: Sequence[PersonChange]) -> list[PersonChange]:
    """Nobody leaves a company for itself: of two changes that have become one company's, the departure goes."""
    staying = {change.company.id for change in changes if change.movement is not Movement.LEFT}
    return [change for change in changes if change.movement is not Movement.LEFT or change.company.id not in staying]
