"""L6 on real servers: one log, one digest, whoever folds it, however it is cut, and whatever crashes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from consumers.replay.aside import Aside
from consumers.replay.rebuild import NAME
from db.digest import TABLES, Digest, digest, image
from db.shadow import Shadow
from tests.support.changes import random_log
from tests.support.system import System, wait_for

CHANGES, COMPANIES = 1500, 50


@pytest.mark.slow
def test_one_log_has_one_digest(system: System, make_database: Callable[[], str]) -> None:
    """1, 2 and 5 consumers, batches of 5000, 7 and 1, some killed; and rebuilds of it, one of them killed."""
    system.settings |= {"REFRESH_INTERVAL_SECONDS": "3", "BATCH_MAX_RECORDS": "5000"}
    system.publish(random_log(66, CHANGES, COMPANIES))
    system.drain()
    wanted = digest(system.database_url)
    empty = ("dead_letters", "role_choices")
    assert all(wanted[table.name].rows for table in TABLES if table.name not in empty), "every table has rows"
    assert system.query("SELECT 1 FROM buyer_group_refresh_logs WHERE cause = 'trailing' LIMIT 1")

    for consumers, batch in ((2, 7), (5, 1)):
        other = another(system, make_database(), consumers, batch)
        live_with_crashes(other, consumers)
        assert digest(other.database_url) == wanted, f"{consumers} consumers, batches of {batch}"

    assert rebuilt_with_a_crash(system, 7) == wanted
    for batch in (1, 5000):
        assert rebuilt(system, batch) == wanted, f"rebuilt in batches of {batch}"


def another(system: System, database_url: str, consumers: int, batch: int) -> System:
    """The same log, another group, other tables."""
    own = {"CONSUMER_GROUP": f"{system.topic}-{consumers}", "BATCH_MAX_RECORDS": str(batch)}
    return replace(system, database_url=database_url, settings={**system.settings, **own})


def live_with_crashes(system: System, consumers: int) -> None:
    """Consumers fold the log; half of them are killed at it, and others take their place."""
    children = [system.start_consumer() for _ in range(consumers)]
    wait_for("progress", lambda: system.consumed() > CHANGES // 10)
    for child in children[: (consumers + 1) // 2]:
        system.kill(child)
    assert system.consumed() < CHANGES, "they were killed in the middle"
    rest = [*children[(consumers + 1) // 2 :], system.start_consumer()]
    wait_for("end of the log", system.settled)
    assert [system.stop(child) for child in rest] == [0] * len(rest)


def rebuilt_with_a_crash(system: System, batch: int) -> dict[str, Digest]:
    """What `rebuild` makes of the log when it is killed in the middle and run again."""
    victim = system.start_command("rebuild", BATCH_MAX_RECORDS=str(batch))
    with Shadow(system.database_url, "look") as look:
        schema = f"{look.live}_{NAME}"
    folded = f"SELECT coalesce(sum(consumed), 0) FROM {schema}.consumer_positions"  # noqa: S608  # the test's own
    there = f"SELECT to_regclass('{schema}.consumer_positions')"
    wait_for("rebuild", lambda: system.query(there)[0][0] and system.query(folded)[0][0] > CHANGES // 10)
    system.kill(victim)
    assert system.query(folded)[0][0] < CHANGES, "it was killed in the middle"

    done = system.command("rebuild")

    assert done.returncode == 0, done.stderr
    with Shadow(system.database_url, NAME) as shadow:
        found = digest(shadow.url)
        shadow.drop()
    return found


def rebuilt(system: System, batch: int) -> dict[str, Digest]:
    """What a fold aside makes of the log."""
    with image(system.database_url, system.topic) as live:
        ends = {partition: row.next_offset for partition, row in live.positions().items()}
    with Shadow(system.database_url, f"fold_{batch}") as shadow:
        shadow.create()
        with Aside(system.consumer_settings(batch_max_records=batch), shadow.url) as aside:
            aside.fold(ends)
        found = digest(shadow.url)
        shadow.drop()
    return found
