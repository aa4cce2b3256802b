"""The relay on a real broker and a real database: in order, none lost, whoever dies or goes away."""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import psycopg
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from consumers.relay.run import Relay
from local.kafka import Kafka
from local.process import Child, free_port
from schemas.topics import company_key, partition_for
from tests.support.changes import change
from tests.support.system import System, wait_for
from tests.support.updates import CODEC, Group, Updates

GROUPS = [Group(workspace, f"company {number}") for number in range(40) for workspace in ("default", "west")]
CUT = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 'outbox'::regclass"
"""Ends the connection that has claimed the outbox."""


def in_order(versions: dict[Group, list[int]], last: int, repeats: int = 0) -> bool:
    """Whether each group reads 1 to `last`, in order, each version at most `repeats` times more than once."""
    return set(versions) == {*GROUPS} and all(
        sorted(set(seen)) == list(range(1, last + 1))
        and seen == sorted(seen)
        and max(map(seen.count, seen)) <= 1 + repeats
        for seen in versions.values()
    )


@contextmanager
def held(database_url: str) -> Iterator[None]:
    """Nobody can forget a message that is in the outbox now."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT * FROM outbox FOR UPDATE")
        yield


def test_versions_arrive_in_order_with_key_and_partition_and_the_outbox_is_empty(updates: Updates) -> None:
    """Each once; all of a company on the partition of its key, as the changes are."""
    updates.fill(GROUPS, range(1, 6))
    with updates.relays_here():
        wait_for("empty outbox", updates.empty)

    assert in_order(updates.versions(), last=5)
    for message in updates.messages():
        key = company_key(CODEC.decode(message.value())["company_id"])
        assert message.key() == key
        assert message.partition() == partition_for(key, 4)


def test_of_two_relays_one_works_and_the_other_takes_over(updates: Updates) -> None:
    """Side by side they neither double nor mix; when the one at work dies, the other goes on."""
    first = updates.system.start_relay(RELAY_BATCH_MESSAGES="7")
    second = updates.system.start_relay(RELAY_BATCH_MESSAGES="7")
    updates.fill(GROUPS, range(1, 4))
    wait_for("empty outbox", updates.empty)
    assert in_order(updates.versions(), last=3)

    at_work = [relay for relay in (first, second) if works(updates.system, relay)]
    assert len(at_work) == 1
    updates.system.kill(at_work[0])
    updates.fill(GROUPS, range(4, 6))
    wait_for("empty outbox", updates.empty)

    assert in_order(updates.versions(), last=5)


def left_at_most(updates: Updates, goal: int) -> bool:
    """Whether the outbox is that empty."""
    return updates.left() <= goal


def works(system: System, relay: Child) -> bool:
    """Whether a relay process has claimed the outbox."""
    return any(line["event"] == "this relay is at work" for line in system.log_lines(relay))


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment_it_loses_nothing_and_repeats_at_most_what_was_sent_last(
    updates: Updates, seed: int
) -> None:
    """Kill -9 four times at random places; two relays, so that one is always ready to go on."""
    rng = random.Random(seed)
    system = updates.system
    total = updates.fill(GROUPS, range(1, 31))
    system.settings["RELAY_BATCH_MESSAGES"] = str(rng.choice([3, 20, 500]))
    relays = [system.start_relay(), system.start_relay()]
    for _ in range(4):
        goal = max(1, updates.left() - rng.randrange(1, total // 6))
        wait_for("progress", partial(left_at_most, updates, goal))
        victim = next(relay for relay in relays if works(system, relay))
        system.kill(victim)
        relays.remove(victim)
        relays.append(system.start_relay())
    wait_for("empty outbox", updates.empty)

    assert in_order(updates.versions(), last=30, repeats=4)
    assert in_order(updates.versions("read_uncommitted"), last=30, repeats=4)


def test_killed_between_the_acknowledgement_and_forgetting_it_repeats_what_it_sent(updates: Updates) -> None:
    """The one moment in which a version is doubled: a receiver sees it twice, one right after the other."""
    updates.fill(GROUPS, [1])
    with held(updates.system.database_url):
        victim = updates.system.start_relay()
        wait_for("all messages", lambda: len(updates.messages()) == len(GROUPS))
        updates.system.kill(victim)
        assert updates.system.query(CUT)  # PostgreSQL would still do what it was asked before the kill
    updates.fill(GROUPS, [2])
    with updates.relays_here():
        wait_for("empty outbox", updates.empty)

    assert updates.versions() == {group: [1, 1, 2] for group in GROUPS}


def test_a_relay_that_was_paused_and_lost_its_claim_cannot_send_old_versions(updates: Updates) -> None:
    """A zombie: its database connection is cut while it sleeps, another takes over, then it wakes up."""
    system = updates.system
    updates.fill(GROUPS, [1])
    with held(system.database_url):
        zombie = system.start_relay(RELAY_BATCH_MESSAGES="10")
        wait_for("first messages", lambda: len(updates.messages()) == 10)
        zombie.popen.send_signal(signal.SIGSTOP)
    updates.fill(GROUPS, [2, 3])
    assert system.query(CUT)
    with updates.relays_here():
        wait_for("empty outbox", updates.empty)
    zombie.popen.send_signal(signal.SIGCONT)
    wait_for("notice", lambda: any("nothing can be relayed" in line["event"] for line in system.log_lines(zombie)))
    updates.fill(GROUPS, [4])
    wait_for("empty outbox", updates.empty)

    assert in_order(updates.versions("read_uncommitted"), last=4, repeats=1)


def test_messages_wait_in_the_outbox_until_the_broker_has_acknowledged_them(
    updates: Updates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is away for some seconds, at the start and in the middle: nothing is forgotten, all arrives."""
    monkeypatch.setattr("consumers.relay.sender.ANSWER_SECONDS", 1.0)
    kafka = Kafka(tmp_path / "kafka")
    own = replace(updates, system=replace(updates.system, bootstrap=kafka.start()))
    try:
        make_topic(kafka.bootstrap_servers, updates.topic)
        kafka.stop()
        count = own.fill(GROUPS, range(1, 4))
        with own.relays_here() as [relay]:
            wait_for("failure", lambda: failures(relay))
            assert own.left() == count
            assert "nothing is relayed" in str(relay.ready())
            kafka.start()
            wait_for("empty outbox", own.empty)
            kafka.stop()
            before = failures(relay)
            own.fill(GROUPS, range(4, 6))
            wait_for("failure", lambda: failures(relay) > before)
            assert own.left() == 2 * len(GROUPS)
            kafka.start()
            wait_for("empty outbox", own.empty)
        assert in_order(own.versions(), last=5, repeats=1)
    finally:
        kafka.stop()


def failures(relay: Relay) -> float:
    """How often something was away."""
    return relay.metrics.registry.get_sample_value("relay_failures_total") or 0.0


def make_topic(bootstrap: str, name: str) -> None:
    """A topic on a broker of this test's own."""
    with AdminClient({"bootstrap.servers": bootstrap}) as client:
        client.create_topics([NewTopic(name, 4, -1)])[name].result(30)


def test_a_database_that_cuts_the_connection_holds_the_relay_up_and_loses_nothing(updates: Updates) -> None:
    """Cut again and again, with everything that the connection held."""
    updates.fill(GROUPS, range(1, 21))
    system = updates.system
    cuts = 0
    with updates.relays_here(2):
        while not updates.empty():
            cuts += len(system.query(CUT)) if cuts < 5 else 0
            threading.Event().wait(0.05)

    assert cuts == 5
    assert in_order(updates.versions(), last=20, repeats=5)


def test_a_change_is_told_with_what_changed_why_and_after_which_changes(updates: Updates) -> None:
    """From the log to the topic, by a consumer and a relay."""
    system = updates.system
    system.settings["REFRESH_INTERVAL_SECONDS"] = "0.2"
    with updates.relays_here(), system.consumer_here():
        system.publish([change("e1", "acme", "p1", title="Chief Revenue Officer")])
        wait_for("first update", updates.messages)
        system.publish([change("e2", "acme", "p1", title="Account Executive", occurred_at=1_770_000_000_000)])
        wait_for("second update", lambda: len(updates.messages()) == 2)

    first, second = (CODEC.decode(message.value()) for message in updates.messages())
    assert (first["version"], second["version"]) == (1, 2)
    assert first["cause"] == {"kind": "CHANGES", "event_ids": ["e1"]}
    assert second["cause"] == {"kind": "CHANGES", "event_ids": ["e2"]}
    assert [(c["kind"], c["person_id"], c["before"]) for c in first["changes"]] == [("joined", "p1", None)]
    assert second["changes"][0]["before"] == first["changes"][0]["after"] != second["changes"][0]["after"]
    assert all(c["why"] for c in first["changes"] + second["changes"])


def test_probes_and_metrics_tell_what_waits(updates: Updates) -> None:
    """By HTTP: one at work and one that stands by are both ready; the numbers are those of the outbox."""
    system, ports = updates.system, (free_port(), free_port())
    updates.fill(GROUPS, [1])
    with held(system.database_url):
        relays = [system.start_relay(RELAY_HTTP_PORT=str(ports[0]))]
        wait_for("all messages", lambda: len(updates.messages()) == len(GROUPS))
        found = metrics(ports[0])
        assert found["relay_outbox_messages"] == len(GROUPS)
        assert found["relay_outbox_oldest_seconds"] > 0
        assert found["relay_messages_total"] == 0
    relays.append(system.start_relay(RELAY_HTTP_PORT=str(ports[1])))
    wait_for("readiness of both", lambda: all(status(port, "readyz") == 200 for port in ports))
    wait_for("empty outbox", updates.empty)
    wait_for("counted messages", lambda: metrics(ports[0])["relay_messages_total"] == len(GROUPS))

    assert [metrics(port)["relay_active"] for port in ports] == [1, 0]
    assert [status(port, "healthz") for port in ports] == [200, 200]
    assert [system.stop(relay) for relay in relays] == [0, 0]


def status(port: int, path: str) -> int:
    """What a probe answers; 0 when nobody listens."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/{path}", timeout=10).status_code
    except httpx.HTTPError:
        return 0


def metrics(port: int) -> dict[str, float]:
    """Samples without labels, by name."""
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text.splitlines()
    return {name: float(value) for name, value in (x.split(" ") for x in lines if x[0] != "#" and "{" not in x)}


def test_a_relay_without_tables_says_so(updates: Updates) -> None:
    """It ends with a message, not with a trace, and does not try for ever."""
    with psycopg.connect(updates.system.database_url) as connection:
        connection.execute("DROP TABLE outbox")
    relay = updates.system.start_relay()

    assert relay.popen.wait(60) == 1
    last = updates.system.log_lines(relay)[-1]
    assert last["event"] == "the relay cannot go on"
    assert "outbox" in last["why"]
