"""Promotion: what was computed from the rows of before cannot be committed after it."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from consumers.runtime.processor import Processor
from db.digest import STATES, digest, image
from db.errors import PositionMovedError
from db.rows import BatchWrites
from db.shadow import Shadow, ShadowBusyError
from tests.support.changes import NOW, random_log
from tests.support.consumption import PARTITIONS, TOPIC, consume, log_of, processor_for


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """On this test's database."""
    made = processor_for(database_url)
    with made.store:
        yield made


def folded(database_url: str, changes: int) -> Shadow:
    """A shadow with the first changes of the log, not entered."""
    shadow = Shadow(database_url, "test")
    with shadow:
        shadow.create()
        aside = processor_for(shadow.url)
        with aside.store:
            consume(aside, log_of(random_log(1, 300, 10))[:changes])
    return shadow


def test_a_batch_that_was_read_before_a_promotion_cannot_follow_it(processor: Processor, database_url: str) -> None:
    """The positions are the same before and after; the epoch is not. Read again, the batch has its effect."""
    log = log_of(random_log(1, 300, 10))
    consume(processor, log[:200])
    shadow = folded(database_url, 200)
    honest = processor.store.write

    def late(batch: BatchWrites) -> None:
        with shadow, shadow.promotion(TOPIC, None) as promotion:
            promotion.promote()
        honest(batch)

    processor.store.write = late  # type: ignore[method-assign]
    with pytest.raises(PositionMovedError):
        consume(processor, log)

    processor.store.write = honest  # type: ignore[method-assign]
    consume(processor, log)
    assert digest(database_url)["webhook_events"].rows > 200
    with shadow:
        assert {row.epoch for row in processor.store.positions(TOPIC, range(PARTITIONS)).values()} == {1}
        shadow.drop()


def test_while_rows_change_places_no_consumer_commits(processor: Processor, database_url: str) -> None:
    """A batch waits for the promotion, then finds that it was read before it."""
    log = log_of(random_log(1, 300, 10))
    consume(processor, log[:200])
    about_to_write, held, moved = threading.Event(), threading.Event(), threading.Event()
    honest = processor.store.write

    def late(batch: BatchWrites) -> None:
        about_to_write.set()
        assert held.wait(30)
        honest(batch)

    def consumer() -> None:
        with contextlib.suppress(PositionMovedError):
            consume(processor, log)
            return
        moved.set()

    processor.store.write = late  # type: ignore[method-assign]
    thread = threading.Thread(target=consumer)
    thread.start()
    with folded(database_url, 200) as shadow:
        assert about_to_write.wait(30)
        with shadow.promotion(TOPIC, None) as promotion:
            held.set()
            thread.join(0.5)
            assert thread.is_alive(), "it waits"
            promotion.promote()
        thread.join(30)
        shadow.drop()

    assert moved.is_set()


def test_a_promotion_that_fails_leaves_live_as_it_was(processor: Processor, database_url: str) -> None:
    """All or nothing."""
    consume(processor, log_of(random_log(1, 300, 10)))
    before = digest(database_url)

    with folded(database_url, 100) as shadow:
        with pytest.raises(ZeroDivisionError):
            broken_promotion(shadow)
        shadow.drop()

    assert digest(database_url) == before


def broken_promotion(shadow: Shadow) -> None:
    """Something fails after the last row was written."""
    with shadow.promotion(TOPIC, None) as promotion:
        promotion.promote()
        raise ZeroDivisionError


def test_promoted_rows_are_the_shadows(processor: Processor, database_url: str) -> None:
    """Rows that are too many go, rows that are missing come, and a group's lower version is counted."""
    consume(processor, log_of(random_log(1, 300, 10), step_ms=600_000))
    with folded(database_url, 150) as shadow:
        wanted = digest(shadow.url)
        with shadow.promotion(TOPIC, None) as promotion:
            rewound = promotion.rewound()
            promotion.promote()
        shadow.drop()

    found = digest(database_url)
    names = [table.name for table in STATES if table.name != "consumer_positions"]
    assert {name: found[name] for name in names} == {name: wanted[name] for name in names}
    assert rewound > 0


def test_one_shadow_has_one_user(database_url: str) -> None:
    """A second one is told, at once."""
    with Shadow(database_url, "test"), pytest.raises(ShadowBusyError, match="another process"):
        Shadow(database_url, "test").__enter__()


def test_an_image_stays_as_it_is_while_others_write(processor: Processor, database_url: str) -> None:
    """One look at one moment."""
    log = log_of(random_log(1, 100, 5))
    consume(processor, log[:50])
    with image(database_url, TOPIC) as look:
        before = [look.digest(table) for table in STATES]
        consume(processor, log)
        assert [look.digest(table) for table in STATES] == before
        assert sum(row.next_offset for row in look.positions().values()) == 50
        assert max(row.log_time or 0 for row in look.positions().values()) < NOW + 50 * 7
