"""A producer that fails for good is replaced: no answer is false, none is missing, and `/readyz` knows."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from ingress import publisher as module
from ingress.publisher import REPLACE_SECONDS, NotAcknowledgedError, Publisher
from ingress.settings import IngressSettings
from schemas.events import Company, Person, PersonChange
from tests.support.fatal import MOCK, fail_for_good

T = TypeVar("T")


def _publisher(replaced: list[None], **config: Any) -> Publisher:
    """With a broker in this process; its records are counted as acknowledged only."""
    settings = IngressSettings.model_validate(
        {
            "webhook_secret": "the first secret of the tests",
            "publish_timeout_seconds": 6,
            "kafka_client_config": {**MOCK, **config},
        }
    )
    return Publisher(settings, on_replaced=lambda: replaced.append(None))


def _change(number: int = 0) -> PersonChange:
    return PersonChange(f"e{number}", "s", "person.promotion", 0, 0, Company("c"), person=Person("p"))


def _run(scene: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(scene, 30))


def test_an_idle_producer_that_fails_costs_nobody_an_answer() -> None:
    """The next record goes to its successor."""

    async def scene() -> None:
        replaced: list[None] = []
        async with _publisher(replaced) as publisher:
            await publisher.publish([_change()])
            fail_for_good(publisher._producer)
            await publisher.publish([_change(1)])
            await publisher.publish([_change(2)])
            assert len(replaced) == 1

    _run(scene())


def test_each_record_under_way_gets_an_answer_and_the_next_succeed() -> None:
    """Nobody has to append before those that wait are told; what is not acknowledged is not called stored."""

    async def scene() -> None:
        replaced: list[None] = []
        async with _publisher(replaced, **{"test.mock.broker.rtt": 200}) as publisher:
            await publisher.publish([_change()])
            under_way = [asyncio.ensure_future(publisher.publish([_change(n)])) for n in range(1, 20)]
            await asyncio.sleep(0.05)
            fail_for_good(publisher._producer)
            done, waiting = await asyncio.wait(under_way, timeout=8)
            assert not waiting
            assert all(isinstance(one.exception(), NotAcknowledgedError | None) for one in done)
            assert len(replaced) == 1
            await publisher.publish([_change(99)])

    _run(scene())


def test_readiness_says_what_is_wrong_until_a_record_is_acknowledged() -> None:
    """Also when nothing is appended, and so nobody else polls."""

    async def scene() -> None:
        async with _publisher([]) as publisher:
            await publisher.publish([_change()])
            fail_for_good(publisher._producer)
            await asyncio.sleep(0.05)
            assert "a gap" in str(await publisher.check())
            await publisher.publish([_change(1)])
            assert "failed for good" not in str(await publisher.check())

    _run(scene())


def test_readiness_trusts_a_producer_that_has_not_failed_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that nobody is sent to would be unready for ever."""
    monkeypatch.setattr(module, "PROOF_SECONDS", 0.2)

    async def scene() -> None:
        async with _publisher([]) as publisher:
            fail_for_good(publisher._producer)
            await asyncio.sleep(0.05)
            assert "failed for good" in str(await publisher.check())
            await asyncio.sleep(0.3)
            assert "failed for good" not in str(await publisher.check())

    _run(scene())


def test_producers_that_fail_one_after_the_other_are_replaced_once_a_second() -> None:
    """A broker that fails each of them does not get thousands; what comes meanwhile waits."""

    async def scene() -> None:
        replaced: list[None] = []
        async with _publisher(replaced) as publisher:
            fail_for_good(publisher._producer)
            await publisher.publish([_change()])
            first = publisher._made_at
            fail_for_good(publisher._producer)
            await publisher.publish([_change(1)])
            assert publisher._made_at - first >= REPLACE_SECONDS
            assert len(replaced) == 2

    _run(scene())
