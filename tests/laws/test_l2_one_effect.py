"""L2: however often a change is delivered, by a provider, by Kafka, by a zombie consumer, it has one effect."""

import threading

from consumers.runtime.run import consume
from tests.support.changes import random_log
from tests.support.system import System, wait_for


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

    assert system.applied() == count
    ((changes, deliveries, duplicates),) = system.query(
        "SELECT count(*), sum(deliveries), (SELECT sum(duplicate) FROM consumer_positions) FROM webhook_events"
    )
    assert (deliveries, changes + duplicates) == (count, count)
