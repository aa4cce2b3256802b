"""A batch from what was read to what is committed, on a real database."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from consumers.runtime.breaker import Judge
from consumers.runtime.processor import Processor, TooManyDeadLettersError
from consumers.runtime.records import Record
from db.digest import digest
from db.errors import PositionMovedError
from db.rows import BatchWrites, PositionAdvance
from schemas.codec import Codec, decode_change
from schemas.topics import tick_headers
from tests.support.changes import NOW, change, random_log
from tests.support.consumption import PARTITIONS, TOPIC, consume, log_of, processor_for, shifted
from tests.support.digest import rows

Make = Callable[..., Processor]


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """On this test's database."""
    made = processor_for(database_url)
    with made.store:
        yield made


def query(database_url: str, text: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(database_url) as conn:
        return conn.execute(text.encode()).fetchall()


def tick(partition: int, offset: int, timestamp: int) -> Record:
    """A tick as a consumer appends it."""
    value = Codec("tick").encode({"sent_by": "test", "sent_at": timestamp})
    headers = [(name, value.encode() if isinstance(value, str) else value) for name, value in tick_headers("test", 0)]
    return Record(partition, offset, timestamp, None, value, headers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_batch_split_gives_the_same_rows(database_url: str, make_database: Callable[[], str], seed: int) -> None:
    """L6 on the real store: one record a batch or a thousand, every table is the same to the letter."""
    rng = random.Random(seed)
    log = log_of(random_log(seed, 600, companies=30), step_ms=40)
    log += [tick(p, sum(r.partition == p for r in log), NOW + 600 * 40 + 20_000) for p in range(PARTITIONS)]
    other_url = make_database()

    for url, sizes in ((database_url, []), (other_url, [rng.choice([1, 1, 2, 5, 40]) for _ in range(600)])):
        made = processor_for(url, refresh_interval_seconds=8, due_limit=3)
        with made.store:
            consume(made, log, sizes)

    assert digest(other_url) == digest(database_url)
    assert not query(database_url, "SELECT 1 FROM companies WHERE refresh_due_at IS NOT NULL")
    assert query(database_url, "SELECT 1 FROM buyer_group_refresh_logs WHERE cause = 'trailing' LIMIT 1")


def test_what_is_processed_again_has_no_second_effect(processor: Processor, database_url: str) -> None:
    """L2: the same changes at other offsets change nothing but their count of deliveries."""
    tables = ("companies", "people", "employments", "buyer_groups", "buyer_group_changes", "outbox")
    changes = list(random_log(5, 300, companies=20))
    consume(processor, log_of(changes))
    before = {table: rows(database_url, table) for table in tables}

    consume(processor, shifted(processor, log_of(changes)))

    assert {table: rows(database_url, table) for table in tables} == before
    assert query(database_url, "SELECT sum(duplicate) >= 300 FROM consumer_positions") == [(True,)]
    assert query(database_url, "SELECT sum(deliveries) FROM webhook_events") == [(600,)]


def test_outcomes_add_up_and_each_has_its_row(processor: Processor, database_url: str) -> None:
    """L7: consumed is the sum of outcomes, and inbox, dead letters and positions tell the same story."""
    log = log_of(random_log(8, 500, companies=25))
    broken = log[7]._replace(value=b"\xc3\x01nonsense")
    results = consume(processor, [*log[:7], broken, *log[8:]], [100, 50, 10])

    assert sum(result.records for result in results) == 500
    assert sum(sum(result.outcomes.values()) for result in results) == 500
    ((consumed, letters, duplicates),) = query(
        database_url, "SELECT sum(consumed), sum(dead_letter), sum(duplicate) FROM consumer_positions"
    )
    assert (consumed, letters) == (500, 1)
    ((inbox, deliveries),) = query(database_url, "SELECT count(*), sum(deliveries) FROM webhook_events")
    assert inbox + letters + duplicates == 500
    assert deliveries + letters == 500


def test_a_dead_letter_keeps_the_record_whole(processor: Processor, database_url: str) -> None:
    """Bytes, key, headers, coordinates and reason, so that it can be retried; the position moves on."""
    headers = [("traceparent", b"00-ab"), ("odd", b"\xff\x00"), ("none", None)]
    consume(processor, [Record(2, 0, NOW, b"\xffkey", b"\x01\x02", headers)])

    ((row,),) = query(database_url, "SELECT to_jsonb(d) FROM dead_letters d")

    assert isinstance(row, dict)
    assert (row["topic"], row["kafka_partition"], row["kafka_offset"]) == (TOPIC, 2, 0)
    assert (row["key"], row["value"], row["status"]) == ("\\xff6b6579", "\\x0102", "open")
    assert row["headers"] == [["traceparent", "00-ab"], ["odd", None, "ff00"], ["none", None]]
    assert "starts with 01 02" in row["reason"]
    assert processor.store.positions(TOPIC, [2])[2].next_offset == 1


@pytest.mark.parametrize("key", [None, b"other", b""])
def test_a_key_that_is_not_the_company_is_a_dead_letter(
    processor: Processor, database_url: str, key: bytes | None
) -> None:
    """Such a record may lie on a partition where the order of its company is not kept."""
    (record,) = log_of([change(company="acme")])

    consume(processor, [record._replace(key=key)])

    ((reason,),) = query(database_url, "SELECT reason FROM dead_letters")
    assert str(reason).startswith("key: ")
    assert "acme" in str(reason)


def test_too_many_dead_letters_in_a_row_stop_the_consumer(database_url: str) -> None:
    """Nothing of the batch is written: the topic is not emptied into dead letters."""
    processor = processor_for(database_url, dead_letter_run_limit=3)
    log = [Record(0, offset, NOW, b"k", b"?", ()) for offset in range(4)]

    with processor.store, pytest.raises(TooManyDeadLettersError, match=r"4 records in a row.*DEAD_LETTER_RUN_LIMIT"):
        consume(processor, log)

    assert query(database_url, "SELECT count(*) FROM dead_letters") == [(0,)]
    assert query(database_url, "SELECT max(next_offset) FROM consumer_positions") == [(0,)]


def test_lanes_count_dead_letters_together(database_url: str) -> None:
    """Two bad records here and two there are four: a log of rubbish is not judged later by a process of more lanes."""
    judge = Judge(3, 1.0)
    plain = processor_for(database_url)
    lanes = [Processor(plain.store, plain.settings, PARTITIONS, judge=judge) for _ in range(2)]
    rubbish = [[Record(p, offset, NOW, b"k", b"?", ()) for offset in range(2)] for p in (0, 1)]

    with plain.store:
        consume(lanes[0], rubbish[0])
        with pytest.raises(TooManyDeadLettersError, match="4 records in a row"):
            consume(lanes[1], rubbish[1])

    assert query(database_url, "SELECT DISTINCT kafka_partition FROM dead_letters") == [(0,)]


def test_a_batch_whose_partition_moved_on_has_no_effect(processor: Processor, database_url: str) -> None:
    """L2: a zombie's transaction aborts, wherever in the batch the moved partition is."""
    log = log_of([change("e1"), change("e2", company="other company")])
    moved = log[1].partition
    processor.store.positions(TOPIC, range(PARTITIONS))
    zombie = processor_for(database_url)
    with zombie.store:
        advance = PositionAdvance(moved, 0, 1, NOW, 1, 0, 0, 0, 0, 0, 0, 1, 0)
        with pytest.raises(PositionMovedError):
            _overtaken(processor, log, lambda: zombie.store.write(BatchWrites(TOPIC, positions=[advance])))

    assert query(database_url, "SELECT count(*) FROM webhook_events") == [(0,)]
    assert query(database_url, "SELECT count(*) FROM companies") == [(0,)]


def _overtaken(processor: Processor, log: list[Record], meanwhile: Callable[[], None]) -> None:
    """Process a batch while somebody else commits between its reading and its writing."""
    honest = processor.store.write

    def late(batch: BatchWrites) -> None:
        meanwhile()
        honest(batch)

    processor.store.write = late  # type: ignore[method-assign]
    consume(processor, log)


def test_a_record_on_the_wrong_partition_is_applied_and_counted(processor: Processor, database_url: str) -> None:
    """A producer with another partitioner loses order, not changes."""
    (record,) = log_of([change()])
    wrong = (record.partition + 1) % PARTITIONS

    consume(processor, [record._replace(partition=wrong)])

    assert query(database_url, "SELECT outcome FROM webhook_events") == [("refreshed",)]
    assert query(database_url, "SELECT kafka_partition FROM consumer_positions WHERE wrong_partition = 1") == [(wrong,)]


def test_a_group_that_did_not_change_gets_no_new_version(processor: Processor, database_url: str) -> None:
    """News of somebody who is not in the group refreshes it, but tells nobody."""
    log = log_of([change("e1"), change("e2", person="p2", title="Intern")], step_ms=4_000_000)

    consume(processor, log)

    assert query(database_url, "SELECT version FROM buyer_groups") == [(1,)]
    assert query(database_url, "SELECT outcome FROM buyer_group_refresh_logs ORDER BY log_time") == [
        ("changed",),
        ("unchanged",),
    ]
    assert query(database_url, "SELECT count(*) FROM outbox") == [(1,)]


def test_each_version_tells_what_changed_and_why(processor: Processor, database_url: str) -> None:
    """The history and the message to other services name the change, the person, and the events that caused it."""
    log = log_of([change("e1"), change("e2", title="Intern", occurred_at=NOW + 9)], step_ms=4_000_000)

    consume(processor, log)

    history = query(
        database_url, "SELECT version, kind, person_id, before, after, event_ids FROM buyer_group_changes ORDER BY 1"
    )
    assert history[0] == (1, "joined", "p1", None, "decision_maker", ["e1"])
    assert history[1][:4] == (2, "removed", "p1", "decision_maker")
    assert history[1][5] == ["e2"]
    ((value,),) = query(database_url, "SELECT value FROM outbox WHERE version = 2")
    assert isinstance(value, bytes)
    told = Codec("buyer_group_updated").decode(value)
    assert (told["company_id"], told["workspace_id"], told["version"]) == ("acme", "default", 2)
    assert told["changes"][0]["kind"] == "removed"
    assert "e2" in json.dumps(told["cause"])


def test_text_that_postgresql_could_misread_comes_back_as_it_was(processor: Processor, database_url: str) -> None:
    """Quotes, braces, backslashes, commas, the word NULL, and every plane of Unicode survive the array literals."""
    nasty = ['a"b', "{x,y}", "back\\slash", "NULL", "null", "é漢😀", " lead", "tab\there", "line\nbreak", "'; --", ","]
    log = log_of(
        change(f"e{n}", company=f"c {text.strip()[:4]}{n}".replace("\t", "").replace("\n", ""), title=text)
        for n, text in enumerate(nasty)
    )

    consume(processor, log)

    titles = {str(title) for (title,) in query(database_url, "SELECT title FROM employments")}
    assert titles == set(nasty)


def test_the_value_of_a_record_is_what_is_applied() -> None:
    """The helper's log decodes to the changes that went in: the tests above test what they say."""
    changes = list(random_log(3, 20, companies=3))

    assert [decode_change(record.value) for record in log_of(changes)] == changes
