"""The outbox of a system, filled by hand, and the topic that its relay writes."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from confluent_kafka import Consumer, Message, TopicPartition

from consumers.relay.run import Relay
from consumers.relay.settings import RelaySettings
from db.rows import OutboxRow
from schemas.codec import Codec
from tests.support.changes import NOW
from tests.support.system import System

CODEC = Codec("buyer_group_updated")


class Group(NamedTuple):
    """Whose versions are counted."""

    workspace_id: str
    company_id: str


def waiting(company_id: str, version: int, topic: str, workspace_id: str = "default") -> OutboxRow:
    """A new version as the consumer leaves it in the outbox."""
    at = NOW + version * 1000
    message = {
        "workspace_id": workspace_id,
        "company_id": company_id,
        "version": version,
        "refreshed_at": at,
        "cause": {"kind": "CHANGES", "event_ids": [f"e{version}"]},
        "changes": [],
    }
    return OutboxRow(company_id, workspace_id, version, topic, CODEC.encode(message), at)


@dataclass
class Updates:
    """A topic of updates."""

    system: System
    topic: str

    def fill(self, groups: Iterable[Group], versions: Iterable[int]) -> int:
        """Put these versions of each group into the outbox; returns how many messages."""
        rows = [waiting(g.company_id, v, self.topic, g.workspace_id) for g in groups for v in versions]
        with psycopg.connect(self.system.database_url) as connection, connection.cursor() as cursor:
            cursor.executemany("INSERT INTO outbox VALUES (%s, %s, %s, %s, %s, from_ms(%s))", rows)
        return len(rows)

    def left(self) -> int:
        """How many messages wait in the outbox."""
        return int(self.system.query("SELECT count(*) FROM outbox")[0][0])

    def empty(self) -> bool:
        """Whether nothing waits."""
        return self.left() == 0

    def messages(self, isolation: str = "read_committed") -> list[Message]:
        """All that the topic has, by partition and offset."""
        return read_all(self.system.bootstrap, self.topic, isolation)

    def versions(self, isolation: str = "read_committed") -> dict[Group, list[int]]:
        """What a receiver sees of each group, in order."""
        seen: dict[Group, list[int]] = defaultdict(list)
        for message in self.messages(isolation):
            said = CODEC.decode(message.value())
            seen[Group(said["workspace_id"], said["company_id"])].append(said["version"])
        return dict(seen)

    @contextmanager
    def relays_here(self, count: int = 1) -> Iterator[list[Relay]]:
        """Relays in threads of this process, which end with the block."""
        stop = threading.Event()
        relays = [self.relay(stop) for _ in range(count)]
        threads = [threading.Thread(target=relay.run, name="relay") for relay in relays]
        for thread in threads:
            thread.start()
        try:
            yield relays
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def relay(self, stop: threading.Event) -> Relay:
        """A relay of this system that does not run yet."""
        named = {name.lower(): value for name, value in self.system._environment().items()}
        known = {name: value for name, value in named.items() if name in RelaySettings.model_fields}
        return Relay(RelaySettings.model_validate(known), stop)


def read_all(bootstrap: str, topic: str, isolation: str = "read_committed") -> list[Message]:
    """All that a topic has, by partition and offset."""
    reader = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": topic, "isolation.level": isolation}
        | {"enable.auto.commit": False, "enable.partition.eof": True}
    )
    try:
        partitions = reader.list_topics(topic, timeout=10).topics[topic].partitions
        reader.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found, open_ = list[Message](), set(partitions)
        while open_:
            message = reader.poll(30)
            assert message is not None, "the broker does not answer"
            if message.error() is None:
                found.append(message)
            else:
                open_.discard(message.partition() or 0)
    finally:
        reader.close()
    return sorted(found, key=lambda m: (m.partition() or 0, m.offset() or 0))
