"""The look-up of duplicates is shared, never waited for long, and never stands in a change's way."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from db.errors import FatalDatabaseError, RetryableDatabaseError
from db.rows import EventKey
from ingress.lookup import BATCH, REST_SECONDS, Lookup
from schemas.events import Company, PersonChange

SECONDS = 0.05
T = TypeVar("T")


@dataclass
class FakeInbox:
    """Knows some changes; answers when the gate is open, or raises.

    Attributes:
        asked: the keys of each query.
    """

    known: set[EventKey] = field(default_factory=set)
    asked: list[set[EventKey]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    running: int = 0

    async def known_events(self, keys: Collection[EventKey]) -> set[EventKey]:
        """The query."""
        assert not self.running, "one query at a time"
        self.asked.append(set(keys))
        self.running += 1
        await self.gate.wait()
        self.running -= 1
        if self.error:
            raise self.error
        return self.known & set(keys)


@dataclass
class Scene:
    """A look-up on a fake inbox, with a clock that is set by hand."""

    inbox: FakeInbox
    seconds: float = 5.0
    now: float = 0.0
    failures: int = 0

    def __post_init__(self) -> None:
        self.lookup = Lookup(self.inbox.known_events, self.seconds, self._failed, lambda: self.now)

    def _failed(self) -> None:
        self.failures += 1

    async def ask(self, *numbers: int, company: str = "c") -> bool:
        """Whether all changes with these numbers are known."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        changes = [_change(number, company) for number in numbers]
        self.lookup.ask(changes, lambda known: None if answer.done() else answer.set_result(known))
        return await answer


def _run(scene: Coroutine[Any, Any, T]) -> T:
    """The result of a scene; a promise broken by silence fails too."""
    return asyncio.run(asyncio.wait_for(scene, 20))


def _change(number: int, company: str = "c") -> PersonChange:
    return PersonChange(f"e{number}", "s", "person.promotion", 0, 0, Company(company))


def _key(number: int) -> EventKey:
    return EventKey("c", "s", f"e{number}")


def _open_inbox(*known: int) -> FakeInbox:
    inbox = FakeInbox({_key(number) for number in known})
    inbox.gate.set()
    return inbox


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_only_what_is_known_in_full_is_known() -> None:
    """Every record of a change must have had its effect."""

    async def scene() -> list[bool]:
        ask = Scene(_open_inbox(1, 2)).ask
        return [await ask(1), await ask(1, 2), await ask(1, 3), await ask(3), await ask(1, company="other")]

    assert _run(scene()) == [True, True, False, False, False]


def test_what_arrives_during_a_query_shares_the_next_one() -> None:
    """A hundred webhooks at once make two queries: the first one's, and one for all the others."""

    async def scene() -> None:
        inbox = FakeInbox({_key(number) for number in range(0, 101, 2)})
        asking = Scene(inbox)
        first = asyncio.create_task(asking.ask(0))
        await _settle()
        others = [asyncio.create_task(asking.ask(number)) for number in range(1, 101)]
        await _settle()
        assert inbox.asked == [{_key(0)}]
        inbox.gate.set()

        assert await first
        assert await asyncio.gather(*others) == [number % 2 == 0 for number in range(1, 101)]
        assert inbox.asked == [{_key(0)}, {_key(number) for number in range(1, 101)}]

    _run(scene())


def test_the_same_change_twice_is_asked_once() -> None:
    """A sender who does not wait asks nothing new: both get the answer."""

    async def scene() -> None:
        inbox = _open_inbox(1)
        asking = Scene(inbox)

        assert await asyncio.gather(*(asking.ask(1) for _ in range(3))) == [True] * 3
        assert inbox.asked == [{_key(1)}]

    _run(scene())


def test_a_query_is_bounded() -> None:
    """However many wait, a query has a bounded number of keys."""

    async def scene() -> None:
        inbox = _open_inbox()
        asking = Scene(inbox)
        await asyncio.gather(*(asking.ask(number) for number in range(2 * BATCH + 1)))

        assert [len(keys) for keys in inbox.asked] == [BATCH, BATCH, 1]

    _run(scene())


@pytest.mark.parametrize(
    "error", [RetryableDatabaseError("away"), FatalDatabaseError("no such table"), ValueError("a bug")]
)
def test_an_error_is_not_known(error: Exception) -> None:
    """It fails open: the change is published, and the failure counted."""

    async def scene() -> None:
        inbox = _open_inbox(1)
        inbox.error = error
        asking = Scene(inbox)

        assert not await asking.ask(1)
        assert asking.failures == 1

    _run(scene())


def test_slowness_is_not_waited_for() -> None:
    """After the given time the answer is no, whatever comes later."""

    async def scene() -> float:
        asking = Scene(FakeInbox({_key(1)}), SECONDS)
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert not await asking.ask(1)
        took = loop.time() - began
        assert asking.failures == 1
        asking.inbox.gate.set()
        await _settle()
        return took

    assert SECONDS * 0.9 <= _run(scene()) < 20 * SECONDS


@pytest.mark.parametrize("slow", [True, False])
def test_after_a_failure_nobody_asks_for_a_while(slow: bool) -> None:
    """A database that is away costs one webhook the wait, not each; then it is asked again."""

    async def scene() -> None:
        inbox = FakeInbox({_key(number) for number in range(9)}) if slow else _open_inbox(*range(9))
        inbox.error = None if slow else RetryableDatabaseError("away")
        asking = Scene(inbox, SECONDS)
        assert not await asking.ask(0)
        inbox.error = None
        inbox.gate.set()
        await _settle()

        asking.now = REST_SECONDS - 0.01
        assert not await asking.ask(1)
        assert len(inbox.asked) == 1
        asking.now = REST_SECONDS
        assert await asking.ask(2)
        assert inbox.asked[1:] == [{_key(2)}]

    _run(scene())


def test_a_cancelled_request_harms_nobody_else() -> None:
    """Others that share its query, or its very change, get their answers; so do those that come later."""

    async def scene() -> None:
        inbox = FakeInbox({_key(number) for number in range(5)})
        asking = Scene(inbox)
        tasks = [asyncio.create_task(asking.ask(number)) for number in (0, 0, 1, 2)]
        await _settle()
        tasks[0].cancel()
        tasks[2].cancel()
        await _settle()
        inbox.gate.set()

        assert [await tasks[1], await tasks[3], await asking.ask(1), await asking.ask(4)] == [True] * 4
        assert tasks[0].cancelled()
        assert asking.failures == 0

    _run(scene())


def test_a_failure_reaches_all_that_shared_the_query() -> None:
    """They are told at once, and do not wait for their time to be over."""

    async def scene() -> None:
        inbox = _open_inbox()
        inbox.error = RetryableDatabaseError("away")
        asking = Scene(inbox)

        async with asyncio.timeout(1):
            assert await asyncio.gather(*(asking.ask(number) for number in range(10))) == [False] * 10
        assert len(inbox.asked) == 1

    _run(scene())
