"""How far a consumer is, seen from outside: by the positions that it commits."""

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

import psutil
import psycopg

from bench.world import BenchError
from local.process import Child

TOPIC: Final = "bench-changes"
WARM_UP_SHARE: Final = 0.1
"""Of the changes: caches are empty at first."""
TAIL_SHARE: Final = 0.1
"""Of the changes: at the end of a log that nobody writes, some partitions are done before others."""
LOOK_SECONDS: Final = 0.02
STALL_SECONDS: Final = 60.0


class Sample(NamedTuple):
    """How far a consumer was.

    Attributes:
        at: seconds (monotonic).
        done: changes consumed by then.
        cpu: processor seconds that all its processes had used by then.
    """

    at: float
    done: int
    cpu: float


class Pace(NamedTuple):
    """Changes a second, and processor seconds of the consumer's processes a change."""

    rate: float
    cpu: float


def watch(child: Child, url: str, count: int, seconds: float) -> list[Sample]:
    """What a consumer had done when, until it has done all, or for so many seconds from its first change on.

    Raises:
        BenchError: it ended, or did nothing.
    """
    samples: list[Sample] = []
    deadline = time.monotonic() + STALL_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while not samples or samples[-1].done < count:
            if child.popen.poll() is not None:
                raise BenchError(f"the consumer ended by itself.\n{child.last_lines()}")
            done, now = consumed_by(connection)["consumed"], time.monotonic()
            if done and (not samples or done > samples[-1].done):
                deadline = deadline if samples else now + seconds
                samples.append(Sample(now, done, _processor_seconds(child)))
            if now > deadline:
                break
            time.sleep(LOOK_SECONDS)
    if not samples:
        raise BenchError(f"the consumer did nothing in {STALL_SECONDS:.0f} s.\n{child.last_lines()}")
    return samples


def pace(samples: Sequence[Sample], count: int) -> Pace:
    """How fast a consumer was and what it cost, its start and the tail left out, unless a short run has little else.

    Raises:
        BenchError: there is too little to tell.
    """
    steady = [sample for sample in samples if count * WARM_UP_SHARE <= sample.done <= count * (1 - TAIL_SHARE)]
    steady = steady if len(steady) > 1 else list(samples)
    if len(steady) < 2:  # noqa: PLR2004  # a rate needs two
        raise BenchError("the run was too short to be measured; take more --seconds")
    first, last = steady[0], steady[-1]
    done = last.done - first.done
    return Pace(done / (last.at - first.at), (last.cpu - first.cpu) / done)


def _processor_seconds(child: Child) -> float:
    """What a process and its children have used so far."""
    try:
        process = psutil.Process(child.popen.pid)
        used = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    except psutil.NoSuchProcess as error:
        raise BenchError(f"the consumer ended by itself.\n{child.last_lines()}") from error
    return sum(times.user + times.system for times in used)


def consumed(url: str) -> dict[str, int]:
    """Records that were consumed, and how many of them refreshed."""
    with psycopg.connect(url, autocommit=True) as connection:
        return consumed_by(connection)


def consumed_by(connection: "psycopg.Connection[tuple[int, int]]") -> dict[str, int]:
    """The same, by a connection that is there."""
    query = "SELECT sum(consumed)::bigint, sum(refreshed)::bigint FROM consumer_positions WHERE topic = %s"
    row = connection.execute(query, (TOPIC,)).fetchone() or (0, 0)
    return {"consumed": row[0] or 0, "refreshed": row[1] or 0}
