"""What publishing promises: all acknowledged or an error in time, one wake-up a burst, the partition of the key."""

import asyncio
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingress.publisher import NotAcknowledgedError, Publisher
from ingress.settings import IngressSettings
from schemas.events import Company, Person, PersonChange
from schemas.topics import partition_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Record

SECRET = "the first secret of the tests"
COUNT = 2000
PATIENCE = 30.0
T = TypeVar("T")
Report = Callable[[KafkaError | None, Any], None]


class FakeProducer:
    """Keeps reports of deliveries back until they are released; they arrive when it is polled.

    Attributes:
        full: how many calls of `produce` find the queue full; below zero, all of them do.
        refuses: after how many records `produce` raises.
    """

    def __init__(self) -> None:
        self.produced: list[bytes] = []
        self.full = 0
        self.refuses: int | None = None
        self._kept: deque[Report] = deque()
        self._released: deque[tuple[Report, KafkaError | None]] = deque()

    def produce(self, _topic: str, _value: bytes, key: bytes, *, on_delivery: Report, **_: Any) -> None:
        """Take a record."""
        if self.full:
            self.full -= 1
            raise BufferError
        if self.refuses == len(self.produced):
            raise KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
        self.produced.append(key)
        self._kept.append(on_delivery)

    def release(self, *errors: int | None) -> None:
        """Report the oldest records, in one burst, as delivered or not; one unless told."""
        for error in errors or (None,):
            self._released.append((self._kept.popleft(), None if error is None else KafkaError(error)))

    def poll(self, seconds: float) -> None:
        """Report what was released."""
        assert seconds == 0, "the event loop must not be held up"
        while self._released:
            report, error = self._released.popleft()
            report(error, None)

    def __len__(self) -> int:
        return len(self._kept) + len(self._released)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    """The producer that a publisher of this test gets."""
    made = FakeProducer()
    monkeypatch.setattr("ingress.publisher.Producer", lambda _: made)
    return made


def _settings(**more: Any) -> IngressSettings:
    return IngressSettings.model_validate({"webhook_secret": SECRET, **more})


def _change(number: int = 0, company: str = "c") -> PersonChange:
    return PersonChange(f"e{number}", "s", "person.promotion", 0, 0, Company(company), person=Person("p"))


def _run(scene: Coroutine[Any, Any, T]) -> T:
    """The result of a scene; a promise broken by silence fails too."""
    return asyncio.run(asyncio.wait_for(scene, PATIENCE))


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not done():  # noqa: ASYNC110  # a fake has no event
            await asyncio.sleep(0.001)


def test_all_records_must_be_acknowledged(fake: FakeProducer) -> None:
    """One of two is not enough: the answer waits for the other."""

    async def scene() -> None:
        async with Publisher(_settings()) as publisher:
            publishing = asyncio.create_task(publisher.publish([_change(company="a"), _change(company="b")]))
            await _until(lambda: fake.produced == [b"a", b"b"])
            fake.release()
            await asyncio.sleep(0.02)
            assert not publishing.done()
            fake.release()
            await publishing

    _run(scene())


@pytest.mark.parametrize("bad", [0, 1])
def test_one_refused_record_is_no_success(fake: FakeProducer, bad: int) -> None:
    """Whichever of them it is; the error says what the broker said."""

    async def scene() -> None:
        async with Publisher(_settings()) as publisher:
            publishing = asyncio.create_task(publisher.publish([_change(company="a"), _change(company="b")]))
            await _until(lambda: len(fake.produced) == 2)
            fake.release(*(KafkaError.NOT_ENOUGH_REPLICAS if number == bad else None for number in range(2)))
            with pytest.raises(NotAcknowledgedError, match="replicas"):
                await publishing

    _run(scene())


def test_silence_is_an_error_in_time(fake: FakeProducer) -> None:
    """Without a report there is no success; one that comes too late does not disturb those that come with it."""

    async def scene() -> None:
        async with Publisher(_settings(publish_timeout_seconds=0.1)) as publisher:
            with pytest.raises(NotAcknowledgedError, match=r"0\.1 s"):
                await publisher.publish([_change()])
            again = asyncio.create_task(publisher.publish([_change(1)]))
            await _until(lambda: len(fake.produced) == 2)
            fake.release(None, None)
            await again

    _run(scene())


def test_a_record_that_the_client_refuses_is_an_error(fake: FakeProducer) -> None:
    """Also when it is the second one, and the first is under way."""
    fake.refuses = 1

    async def scene() -> None:
        async with Publisher(_settings()) as publisher:
            with pytest.raises(NotAcknowledgedError):
                await publisher.publish([_change(company="a"), _change(company="b")])
            fake.release()

    _run(scene())


def test_a_full_queue_is_waited_for(fake: FakeProducer) -> None:
    """For a while; the event loop goes on meanwhile, and the deadline holds."""

    async def scene() -> None:
        async with Publisher(_settings(publish_timeout_seconds=0.3)) as publisher:
            fake.full = 3
            publishing = asyncio.create_task(publisher.publish([_change()]))
            await _until(lambda: bool(fake.produced))
            fake.release()
            await publishing
            fake.full = -1
            began = time.monotonic()
            with pytest.raises(NotAcknowledgedError):
                await publisher.publish([_change()])
            assert time.monotonic() - began < 2

    _run(scene())


def test_a_burst_wakes_the_event_loop_once(
    kafka_bootstrap: str, topic: str, records: "Callable[[], list[Record]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two thousand at once cost far fewer wake-ups than records, each is acknowledged, each is in the log."""
    settings = _settings(
        kafka_bootstrap_servers=kafka_bootstrap, person_changes_topic=topic, publish_timeout_seconds=30
    )
    wakes, counted = [0], list[int]()
    collect = Publisher._collect

    def counting(publisher: Publisher) -> None:
        before = len(counted)
        collect(publisher)
        wakes[0] += len(counted) > before

    monkeypatch.setattr(Publisher, "_collect", counting)

    async def scene() -> None:
        async with Publisher(settings, counted.append) as publisher:
            await asyncio.gather(*(publisher.publish([_change(n, f"c{n % 97}")]) for n in range(COUNT)))

    _run(scene())

    assert 0 < wakes[0] < COUNT / 10
    assert sum(counted) == COUNT
    assert {record.change.event_id for record in records()} == {f"e{number}" for number in range(COUNT)}


def test_nobody_looks_for_reports_when_none_are_missing(fake: FakeProducer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle ingress costs nothing."""
    polls: list[float] = []
    poll = fake.poll

    def counted(seconds: float) -> None:
        polls.append(seconds)
        poll(seconds)

    monkeypatch.setattr(fake, "poll", counted)

    async def scene() -> None:
        async with Publisher(_settings()) as publisher:
            await asyncio.sleep(0.02)
            assert not polls
            publishing = asyncio.create_task(publisher.publish([_change()]))
            await _until(lambda: bool(fake.produced))
            fake.release()
            await publishing
            polls.clear()
            await asyncio.sleep(0.02)
            assert not polls

    _run(scene())


def test_who_was_told_is_not_kept_behind_one_that_waits(fake: FakeProducer) -> None:
    """A request holds its connection and body: thousands of them are not to wait for the slowest."""

    class _Request:
        def told(self, why: str | None) -> None:
            assert why

    async def scene() -> None:
        async with Publisher(_settings()) as publisher:
            publisher.append([_change()], lambda _: None)
            fake.refuses = 1
            request = _Request()
            left = weakref.ref(request)
            publisher.append([_change(1)], request.told)
            del request
            assert left() is None
            fake.release()

    _run(scene())


def test_records_are_on_the_partitions_of_their_keys(
    kafka_bootstrap: str, topic: str, records: "Callable[[], list[Record]]"
) -> None:
    """Where a Java service would put them: every consumer finds a company in one place."""
    settings = _settings(kafka_bootstrap_servers=kafka_bootstrap, person_changes_topic=topic)
    companies = ["acme", "會社", "c/1", "a" * 255, *(f"company-{number}" for number in range(60))]

    async def scene() -> None:
        async with Publisher(settings) as publisher:
            await publisher.publish([_change(company=company) for company in companies])

    _run(scene())

    found = {record.key: record.partition for record in records()}
    assert found == {company.encode(): partition_for(company.encode(), 4) for company in companies}
    assert set(found.values()) == {0, 1, 2, 3}
