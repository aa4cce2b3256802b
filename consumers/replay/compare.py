"""What live and a fold aside have in common: to be compared as of one position, and to change places at one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from consumers.replay.aside import Aside
from consumers.runtime.ticks import ticker_for
from consumers.settings import ConsumerSettings
from db.digest import POSITIONS, STATES, Comparison, Image, compare, image
from db.rows import PositionRow
from db.shadow import Shadow

NEAR: Final = 5000
"""Offsets: what is less far is folded while consumers are held, or while a snapshot is open."""
WAKE_SECONDS: Final = 10.0
"""A tick that a busy broker has not taken by then is not waited for: the next record tells the consumers too."""
SETTLE_SECONDS: Final = 10.0
SETTLE_PAUSE_SECONDS: Final = 0.1
FIRST: Final = 20
"""So many rows that differ are named, unless told."""

Companies = Sequence[str] | None
"""Those that take part; None: all."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """A fold aside has become live.

    Attributes:
        rewound: groups that have a lower version than before.
        woken: whether every partition's consumer was told by a tick; else it learns at the next record.
    """

    rewound: int
    woken: bool


def hold_against_live(
    shadow: Shadow, aside: Aside, settings: ConsumerSettings, companies: Companies, first: int
) -> Comparison:
    """Fold on to where live is, and compare as of there; live goes on meanwhile.

    Raises:
        LogError, KafkaException, DatabaseError: see `Aside.fold`.
    """
    _approach(aside, settings)
    topic = settings.person_changes_topic
    with _settled(settings, companies) as live:
        aside.fold(_offsets(live.positions()))
        shadow.analyze()
        with image(shadow.url, topic, companies, settings.inbox_retention_ms) as log:
            tables = STATES if companies is None else tuple(table for table in STATES if table is not POSITIONS)
            return compare(live, log, tables, first)


def promote(shadow: Shadow, aside: Aside, settings: ConsumerSettings, companies: Companies) -> Promoted:
    """Fold on to where live is, and take its place there, in one transaction in which no consumer can commit.

    Raises:
        LogError, KafkaException, DatabaseError: see `Aside.fold`; live is as it was.
    """
    _approach(aside, settings)
    shadow.analyze()
    with shadow.promotion(settings.person_changes_topic, companies) as promotion:
        positions = promotion.positions()
        aside.fold(_offsets(positions))
        rewound = promotion.rewound()
        promotion.promote()
    return Promoted(rewound, _wake(settings, positions))


def _approach(aside: Aside, settings: ConsumerSettings) -> None:
    """Fold until live is near, so that what is left takes a moment."""
    before = None
    while True:
        with image(_url(settings), settings.person_changes_topic) as live:
            ends = _offsets(live.positions())
        left = aside.behind(ends)
        if left <= NEAR or left == before:  # the same again: the log has lost what is left
            return
        before = left
        aside.fold(ends)


@contextmanager
def _settled(settings: ConsumerSettings, companies: Companies) -> Iterator[Image]:
    """Live at a moment at which no refresh is half made; if it never is, as it is."""
    deadline, topic = time.monotonic() + SETTLE_SECONDS, settings.person_changes_topic
    while True:
        with image(_url(settings), topic, companies, settings.inbox_retention_ms) as live:
            if not live.overdue() or time.monotonic() > deadline:
                yield live
                return
        time.sleep(SETTLE_PAUSE_SECONDS)


def _wake(settings: ConsumerSettings, positions: dict[int, PositionRow]) -> bool:
    """Tell the owners of partitions on which nothing arrives, so that they read again what is due on them."""
    sent: list[None] = []
    ticker = ticker_for(settings, "person-changes-promote", lambda: sent.append(None))
    ticker.wake(positions)
    ticker.close(WAKE_SECONDS)
    return len(sent) == len(positions)


def _offsets(positions: dict[int, PositionRow]) -> dict[int, int]:
    return {partition: row.next_offset for partition, row in positions.items()}


def _url(settings: ConsumerSettings) -> str:
    return settings.database_url.get_secret_value()
