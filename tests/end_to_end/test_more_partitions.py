"""Partitions are added while consumers work, so that a company's changes come from two: what holds, what does not."""

import json
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from consumers.replay.aside import Aside
from consumers.replay.compare import SplitCompaniesError
from consumers.replay.rebuild import promote_rebuild, rebuild
from consumers.replay.verify import verify
from db.comparison import compare
from db.digest import STATES, Digest, digest, image
from db.shadow import Shadow
from schemas.events import PersonChange
from tests.end_to_end.test_zombie import SOON, undisturbed
from tests.support.changes import random_log
from tests.support.system import System, wait_for

MORE = 5
LONG = 240.0
"""Seconds: under the classic protocol members ask for partitions now and then only."""
HOLD = ("people", "employments", "role_choices", "dead_letters")
"""Tables that are the same, whichever partition was read first, down to the digest."""


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_partitions_that_are_added_while_consumers_work(
    system: System, make_database: Callable[[], str], protocol: str
) -> None:
    """L1 to L5 hold, all of L6 for companies of one partition, and their rosters for those of two (decision 0019)."""
    system.settings |= SOON | {"GROUP_PROTOCOL": protocol}
    more = with_more_partitions_amid_the_log(system)

    assert more.positions() == more.ends()
    assert more.consumed() == sum(more.ends().values()), "nothing was jumped over"
    assert more.committed() == {p: n for p, n in more.positions().items() if n}
    honest = undisturbed(more, make_database())
    more.drain()  # the ticks that the other run has appended
    assert more.query("SELECT count(*), sum(deliveries) FROM webhook_events") == honest.query(
        "SELECT count(*), sum(deliveries) FROM webhook_events"
    )
    assert_no_refresh_too_soon(more.database_url)
    found, wanted = digest(more.database_url), digest(honest.database_url)
    assert {name: found[name] for name in HOLD} == {name: wanted[name] for name in HOLD}
    with image(more.database_url, more.topic) as live, image(honest.database_url, more.topic) as log:
        held = compare(live, log, STATES, 5)
        split = log.split()
        assert 0 < len(split) < held.live["companies"].rows
        assert live.split() == split
    assert held.equal, held.first


def test_what_operators_are_told_of_companies_of_two_partitions(system: System) -> None:
    """When they were refreshed is not compared; all else is, and all of the others; a promotion wants to be told."""
    more = split_unread(system)
    with image(more.database_url, more.topic) as live:
        split = live.split()
    whole = next(c for (c,) in more.query("SELECT company_id FROM companies ORDER BY 1") if c not in split)
    settings, company = more.consumer_settings(), next(iter(split))

    later = (
        "UPDATE buyer_group_refresh_logs SET log_time = log_time + interval '1 ms' WHERE company_id = '{}' RETURNING 1"
    )
    assert more.query(later.format(company))
    found = more.command("verify", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    assert json.loads(found.stdout)["splitCompanies"] == {name: [*places] for name, places in split.items()}
    assert "not comparable" in found.stderr

    assert more.query(later.format(whole))
    assert more.query(f"UPDATE people SET name = 'Damaged' WHERE company_id = '{company}' RETURNING 1")  # noqa: S608
    checked = rebuild(settings, _silent, 100).comparison
    assert checked.parts == {"people": 1, "buyer_group_refresh_logs": 1}
    assert {(row.table, row.part) for row in checked.first} == {
        ("people", company),
        ("buyer_group_refresh_logs", whole),
    }

    before = digest(more.database_url)
    with pytest.raises(SplitCompaniesError, match="--accept-split"):
        promote_rebuild(settings, _silent, accept_cut_off=False)
    assert digest(more.database_url) == before
    promote_rebuild(settings, _silent, accept_cut_off=False, accept_split=True)
    assert verify(settings, _silent, 1).comparison.equal


def test_a_fold_aside_of_companies_of_two_partitions_is_the_same_each_time(system: System) -> None:
    """Whatever the batches: partitions are read in the order of log time."""
    more = split_unread(system)

    assert folded_aside(more, 7) == folded_aside(more, 5000)


def split_unread(system: System) -> System:
    """Companies have changes on two partitions before anything is read; then all is."""
    system.settings |= SOON
    load = list(random_log(44, 600, 12))
    for at in range(0, 300, 50):
        system.publish(load[at : at + 50])
    more = with_five_more_partitions(system)
    wait_for("new partitions to publish to", lambda: publish_rest(more, load[300:]))
    more.drain()
    return more


def publish_rest(system: System, rest: list[PersonChange]) -> bool:
    """Publish; whether partitions that are new got something."""
    for at in range(0, len(rest), 50):
        system.publish(rest[at : at + 50])
    return any(end for partition, end in system.ends().items() if partition >= system.partitions - MORE)


def with_more_partitions_amid_the_log(system: System) -> System:
    """Half of a log, five more partitions, the other half; all of it consumed by two."""
    load = list(random_log(43, 4000, 40))
    consumers = [system.start_consumer() for _ in range(2)]
    wait_for("partition that each has", lambda: all(system.assigned(child) for child in consumers), LONG)
    system.publish(load[:2000])
    wait_for("progress", system.consumed)
    more = with_five_more_partitions(system)
    wait_for(
        "new partition in the records", lambda: set(publish_some(more, load)) >= set(range(system.partitions)), LONG
    )
    wait_for("end of the log", more.settled, LONG)
    assert [more.stop(child) for child in consumers] == [0, 0]
    more.drain()
    return more


def with_five_more_partitions(system: System) -> System:
    """The same system, its topic enlarged."""
    more = replace(system, partitions=system.partitions + MORE)
    admin = AdminClient({"bootstrap.servers": system.bootstrap, "topic.metadata.refresh.interval.ms": 1000})
    admin.create_partitions([NewPartitions(system.topic, more.partitions)])[system.topic].result()
    return more


def publish_some(system: System, load: list[PersonChange]) -> dict[int, int]:
    """The rest of the load; returns the partitions that have records."""
    system.publish(load[2000:])
    return {partition: end for partition, end in system.ends().items() if end}


def folded_aside(system: System, batch: int) -> dict[str, Digest]:
    """What a fold aside makes of the log."""
    with Shadow(system.database_url, f"fold_{batch}") as shadow:
        shadow.create()
        with Aside(system.consumer_settings(batch_max_records=batch), shadow.url) as aside:
            aside.fold(system.positions())
        found = digest(shadow.url)
        shadow.drop()
    return found


def assert_no_refresh_too_soon(database_url: str) -> None:
    """L5 holds although two clocks speak of a company."""
    with psycopg.connect(database_url) as connection:
        ((closest,),) = connection.execute("""
            SELECT min(extract(epoch FROM gap)) FROM (
                SELECT log_time - lag(log_time) OVER (PARTITION BY company_id ORDER BY log_time) AS gap
                FROM buyer_group_refresh_logs
            ) AS gaps
        """)
    assert closest >= 2


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""
