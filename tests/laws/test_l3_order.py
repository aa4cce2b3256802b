"""L3: changes of one company take effect in log order, across crashes, rebalances and several consumers."""

import itertools

from tests.support.changes import NOW, change
from tests.support.system import System, wait_for


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
    wait_for("partition for the second", lambda: system.assigned(second))
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
