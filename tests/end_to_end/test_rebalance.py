"""L1 to L4 while consumers of one group come and go."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from db.digest import digest
from schemas.events import PersonChange
from tests.support.changes import random_log
from tests.support.system import System, wait_for

CHANGES = 12_000


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_consumers_share_partitions_while_a_third_joins_and_leaves(
    system: System, make_database: Callable[[], str], protocol: str
) -> None:
    """Two consumers, a third for a while, changes all the time: every row is that of one undisturbed consumer."""
    system.settings |= {"BATCH_MAX_RECORDS": "60", "REFRESH_INTERVAL_SECONDS": "4", "GROUP_PROTOCOL": protocol}
    load = list(random_log(77, CHANGES, 200))
    first, second = system.start_consumer(), system.start_consumer()
    wait_for("partition that each has", lambda: all(system.assigned(child) for child in (first, second)))
    publisher = threading.Thread(target=publish_slowly, args=(system, load))
    publisher.start()

    wait_for("progress", lambda: system.consumed() > CHANGES // 10)
    third = system.start_consumer()
    wait_for("partition for the third", lambda: system.assigned(third))
    before = system.consumed()
    wait_for("progress of three", lambda: system.consumed() > min(before + CHANGES // 10, CHANGES - 1))
    assert system.stop(third) == 0
    publisher.join()
    wait_for("end of the log", system.settled)
    assert [system.stop(child) for child in (first, second)] == [0, 0]
    system.drain()

    undisturbed = replace(system, database_url=make_database(), settings={"REFRESH_INTERVAL_SECONDS": "4"})
    undisturbed.drain(consumer_group=f"{system.topic}-undisturbed")
    assert system.query("SELECT sum(wrong_partition) FROM consumer_positions") == [(0,)]
    assert digest(system.database_url) == digest(undisturbed.database_url)
    assert system.committed() == {p: n for p, n in system.positions().items() if n}


def publish_slowly(system: System, load: list[PersonChange]) -> None:
    """In bursts, so that the consumers are at it while the group changes."""
    for start in range(0, len(load), 400):
        system.publish(load[start : start + 400])
