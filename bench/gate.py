"""Lets consumers begin together: when the group has shared its partitions out, and not before.

What is measured is work. How a group shares out its partitions takes seconds that do not grow with the work: until then
the first process has all of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from bench.world import BenchError

SHARED_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.1
CALM_LOOKS: Final = 10
"""So many looks in a row must find the partitions shared out: a member may join, and leave, between two."""


@contextmanager
def closed(url: str) -> Iterator[Callable[[], None]]:
    """Nobody learns where a partition is, nor reads it, until the yielded function is called.

    Args:
        url: of the consumers' database.
    """
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE consumer_positions IN ACCESS EXCLUSIVE MODE")
        yield connection.rollback


def wait_until_shared(bootstrap: str, group: str, members: int, partitions: int) -> None:
    """Wait until so many members have so many partitions among them, as evenly as may be.

    Raises:
        BenchError: they have not in time.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap})
    deadline, calm, counts = time.monotonic() + SHARED_SECONDS, 0, list[int]()
    while calm < CALM_LOOKS:
        if time.monotonic() > deadline:
            raise BenchError(f"the group did not share out {partitions} partitions; its members have {counts}")
        time.sleep(LOOK_SECONDS)
        counts = _assigned(admin, group)
        even = len(counts) == members and sum(counts) == partitions and max(counts) - min(counts) <= 1
        calm = calm + 1 if even else 0


def _assigned(admin: AdminClient, group: str) -> list[int]:
    """How many partitions each member has; none while the group is not there."""
    try:
        described = admin.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return []
    return [len(member.assignment.topic_partitions) for member in described.members if member.assignment]
