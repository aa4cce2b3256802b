"""L1 to L4 while consumers of one group come and go."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from consumers.runtime.run import consume
from schemas.events import PersonChange
from tests.support.changes import NOW, change, random_log
from tests.support.digest import digest
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
    wait_for("partition that each has", lambda: all(assigned(system, child) for child in (first, second)))
    publisher = threading.Thread(target=publish_slowly, args=(system, load))
    publisher.start()

    wait_for("progress", lambda: system.consumed() > CHANGES // 10)
    third = system.start_consumer()
    wait_for("partition for the third", lambda: assigned(system, third))
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


def assigned(system: System, child: object) -> bool:
    """Whether a consumer process has got partitions."""
    lines = system.log_lines(child)  # type: ignore[arg-type]
    return any(line["event"] == "partitions assigned" and line["partitions"] for line in lines)


def publish_slowly(system: System, load: list[PersonChange]) -> None:
    """In bursts, so that the consumers are at it while the group changes."""
    for start in range(0, len(load), 400):
        system.publish(load[start : start + 400])


def test_changes_of_a_company_take_effect_in_log_order(system: System) -> None:
    """L3: the refresh log of each company goes up with the offsets, across a hand-over from one to the next."""
    system.settings |= {"BATCH_MAX_RECORDS": "7", "REFRESH_INTERVAL_SECONDS": "0.001"}
    companies = [f"c{number}" for number in range(12)]
    changes = [
        change(f"e{n}", company=company, title=f"Title {n}", occurred_at=NOW + n)
        for n, company in enumerate(itertools.islice(itertools.cycle(companies), 1200))
    ]
    first = system.start_consumer()
    system.publish(changes[:600])
    wait_for("progress", lambda: system.consumed() > 100)
    second = system.start_consumer()
    wait_for("partition for the second", lambda: assigned(system, second))
    system.stop(first)
    system.publish(changes[600:])
    wait_for("end of the log", lambda: system.positions() == system.ends())

    order = system.query("SELECT company_id, event_id FROM webhook_events ORDER BY kafka_partition, kafka_offset")
    for company in companies:
        numbers = [int(str(event_id)[1:]) for owner, event_id in order if owner == company]
        assert numbers == sorted(numbers)
        assert len(numbers) == 100
    out_of_order = system.query("""
        SELECT count(*) FROM (
            SELECT version, log_time, lag(log_time) OVER (PARTITION BY company_id ORDER BY version) AS before
            FROM buyer_group_changes
        ) AS history WHERE before > log_time
    """)
    assert out_of_order == [(0,)]


def test_a_zombie_that_wakes_up_after_a_take_over_has_no_effect(system: System) -> None:
    """L2: a consumer that slept through the loss of its partitions commits nothing of what it still holds."""
    count = system.publish(random_log(4, 2000, 50))
    stop = threading.Event()
    zombie = threading.Thread(target=consume, args=(system.consumer_settings(batch_max_records=20), stop))
    zombie.start()
    wait_for("progress", lambda: system.consumed() > 100)

    # Another group has the same positions: the two fight for every partition, as a zombie and its heir would.
    with system.consumer_here(consumer_group=f"{system.topic}-heir", batch_max_records=20):
        wait_for("end of the log", lambda: system.positions() == system.ends())
        stop.set()
        zombie.join()

    assert system.consumed() == count
    ((changes, deliveries, duplicates),) = system.query(
        "SELECT count(*), sum(deliveries), (SELECT sum(duplicate) FROM consumer_positions) FROM webhook_events"
    )
    assert (deliveries, changes + duplicates) == (count, count)
