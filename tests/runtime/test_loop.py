"""The loop against the manners of Kafka's client."""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from confluent_kafka import Consumer

from consumers.runtime import run
from db.store import Store
from tests.support.changes import random_log
from tests.support.system import System, wait_for

FORBIDDEN = ("poll", "consume", "commit", "list_topics", "committed")


class Watched(Consumer):
    """Notes what is called inside rebalance callbacks."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.callbacks: list[str] = []
        self.called: list[str] = []
        self._inside = False
        made.append(self)

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:  # type: ignore[override]  # called as we do
        """With each callback watched."""
        watched = {name: self._watching(name, callback) for name, callback in callbacks.items()}
        super().subscribe(topics, **watched)

    def _watching(self, name: str, callback: Callable[..., None]) -> Callable[..., None]:
        def watched(*arguments: Any) -> None:
            self.callbacks.append(name)
            self._inside = True
            try:
                callback(*arguments)
            finally:
                self._inside = False

        return watched


made: list[Watched] = []


def _noting(name: str) -> Callable[..., Any]:
    def method(consumer: Watched, *arguments: Any, **named: Any) -> Any:
        if consumer._inside:
            consumer.called.append(name)
        return getattr(Consumer, name)(consumer, *arguments, **named)

    return method


for forbidden in FORBIDDEN:
    setattr(Watched, forbidden, _noting(forbidden))


def test_rebalance_callbacks_call_nothing_that_aborts_the_process(system: System, monkeypatch: Any) -> None:
    """confluent-kafka keeps one running call a thread: another one inside a callback ends the process at the next."""
    monkeypatch.setattr(run, "Consumer", Watched)
    count = system.publish(random_log(5, 300, 20))

    with system.consumer_here(batch_max_records=10):
        wait_for("end of the log", lambda: system.applied() >= count)

    (consumer,) = made
    assert {"on_assign", "on_revoke"} <= set(consumer.callbacks)
    assert consumer.called == []


def test_a_lane_that_waits_holds_up_no_other(system: System) -> None:
    """While the database makes one batch wait, the others come to their ends; then those in it, too."""
    system.publish(random_log(7, 600, 60))
    with Store(system.database_url) as store:
        store.positions(system.topic, range(system.partitions))
    with psycopg.connect(system.database_url) as other:
        other.execute("SELECT FROM consumer_positions WHERE kafka_partition = 0 FOR UPDATE")
        with system.consumer_here(consumer_lanes=2):
            ends = system.ends()
            there = partial(at_their_ends, system, ends)
            wait_for("other lane", lambda: there() >= len(ends) // 2)
            assert system.positions()[0] == 0
            other.rollback()
            wait_for("end of the log", lambda: system.positions() == system.ends())


def at_their_ends(system: System, ends: dict[int, int]) -> int:
    """Of how many partitions all was committed."""
    return sum(position >= ends[partition] for partition, position in system.positions().items())
