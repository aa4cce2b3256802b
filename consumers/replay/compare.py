"""What live and a fold aside have in common: to be compared as of one position, and to change places at one."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from consumers.replay.aside import Aside
from consumers.runtime.ticks import ticker_for
from consumers.settings import ConsumerSettings
from db.comparison import Comparison, Split, compare
from db.digest import POSITIONS, STATES, Image, image
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

SPLIT_NAMED: Final = 3
"""So many companies of several partitions are named in a sentence."""

Companies = Sequence[str] | None
"""Those that take part; None: all."""


class SplitCompaniesError(RuntimeError):
    """Companies have changes on several partitions, so live may rightly be other than what was folded."""


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


def promote(
    shadow: Shadow, aside: Aside, settings: ConsumerSettings, companies: Companies, *, accept_split: bool
) -> Promoted:
    """Fold on to where live is, and take its place there, in one transaction in which no consumer can commit.

    Raises:
        SplitCompaniesError: companies have changes on several partitions, and nobody has accepted that.
        LogError, KafkaException, DatabaseError: see `Aside.fold`; live is as it was.
    """
    _approach(aside, settings)
    shadow.analyze()
    if not accept_split:
        _refuse_split(shadow, settings, companies)
    with shadow.promotion(settings.person_changes_topic, companies) as promotion:
        positions = promotion.positions()
        aside.fold(_offsets(positions))
        rewound = promotion.rewound()
        promotion.promote()
    return Promoted(rewound, _wake(settings, positions))


def split_sentence(split: Split) -> str:
    """Which companies have changes on several partitions."""
    named = [f"{c} on {', '.join(map(str, split[c]))}" for c in sorted(split)[:SPLIT_NAMED]]
    more = ["…"] if len(split) > SPLIT_NAMED else []
    return f"{len(split):,} with changes on several partitions ({'; '.join(named + more)})"


def _refuse_split(shadow: Shadow, settings: ConsumerSettings, companies: Companies) -> None:
    with image(shadow.url, settings.person_changes_topic, companies) as log:
        split = log.split()
    if split:
        raise SplitCompaniesError(
            f"companies: {split_sentence(split)}. Their rosters would stay, but the times of their refreshes, their "
            "versions and their history may become others than live has told of. --accept-split promotes all the same."
        )


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
