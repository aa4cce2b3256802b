"""How far a consumer is, seen from outside: by the positions that it commits."""

import time
from collections.abc import Sequence
from typing import Final

import psycopg

from bench.world import BenchError
from local.process import Child

TOPIC: Final = "bench-changes"
WARM_UP_SHARE: Final = 0.1
LOOK_SECONDS: Final = 0.02
STALL_SECONDS: Final = 60.0

Sample = tuple[float, int]
"""Seconds (monotonic) and changes consumed by then."""


def watch(child: Child, url: str, count: int, seconds: float) -> list[Sample]:
    """What a consumer had done when, until it has done all, or for so many seconds from its first change on.

    Raises:
        BenchError: it ended, or did nothing.
    """
    samples: list[Sample] = []
    deadline = time.monotonic() + STALL_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while not samples or samples[-1][1] < count:
            if child.popen.poll() is not None:
                raise BenchError(f"the consumer ended by itself.\n{child.last_lines()}")
            done, now = consumed_by(connection)["consumed"], time.monotonic()
            if done and (not samples or done > samples[-1][1]):
                deadline = deadline if samples else now + seconds
                samples.append((now, done))
            if now > deadline:
                break
            time.sleep(LOOK_SECONDS)
    if not samples:
        raise BenchError(f"the consumer did nothing in {STALL_SECONDS:.0f} s.\n{child.last_lines()}")
    return samples


def rate(samples: Sequence[Sample], count: int) -> float:
    """Changes a second after the warm-up.

    Raises:
        BenchError: there is too little to tell.
    """
    warm = [sample for sample in samples if sample[1] >= count * WARM_UP_SHARE]
    if len(warm) < 2:  # noqa: PLR2004  # a rate needs two
        raise BenchError("the run was too short to be measured; take more --seconds")
    (began, before), (ended, after) = warm[0], warm[-1]
    return (after - before) / (ended - began)


def consumed(url: str) -> dict[str, int]:
    """Records that were consumed, and how many of them refreshed."""
    with psycopg.connect(url, autocommit=True) as connection:
        return consumed_by(connection)


def consumed_by(connection: "psycopg.Connection[tuple[int, int]]") -> dict[str, int]:
    """The same, by a connection that is there."""
    query = "SELECT sum(consumed)::bigint, sum(refreshed)::bigint FROM consumer_positions WHERE topic = %s"
    row = connection.execute(query, (TOPIC,)).fetchone() or (0, 0)
    return {"consumed": row[0] or 0, "refreshed": row[1] or 0}
