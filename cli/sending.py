"""Sends changes side by side, within bounds, and says what became of each."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from cli.changes import Change
from cli.delivery import Answer, Poster, UnreachableError

REFUSED: Final = "refused"
UNREADABLE: Final = "unreadable"
NOT_SENT: Final = "not sent"
_HOPELESS: Final = frozenset({401, 403, 404, 405})
"""Answers about the sender, not about one change: the next change would get the same."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one change.

    Attributes:
        status: the server's own word (enqueued, already_processed, skipped), or one of the words above.
        problem: why, when it was not taken.
        final: no further change should be sent.
    """

    change: Change
    status: str
    answer: Answer | None = None
    problem: str | None = None
    final: bool = False


@dataclass(slots=True)
class Tally:
    """Results so far."""

    counts: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None

    def add(self, result: Result) -> None:
        """Count one."""
        self.counts[result.status] += 1
        if result.final and self.stopped is None:
            self.stopped = result.problem

    @property
    def total(self) -> int:
        """All changes that were looked at."""
        return self.counts.total()

    @property
    def failed(self) -> int:
        """Those that the server did not take."""
        return sum(self.counts[status] for status in (REFUSED, UNREADABLE, NOT_SENT))


def send_one(change: Change, poster: Poster) -> Result:
    """Send one change and judge the answer."""
    if change.wrong is not None:
        return Result(change, UNREADABLE, problem=change.wrong)
    try:
        answer = poster.post(change.body)
    except UnreachableError as error:
        return Result(change, NOT_SENT, problem=str(error), final=True)
    if 200 <= answer.status < 300:  # noqa: PLR2004  # HTTP's own class of success
        return Result(change, _word(answer.body), answer)
    return Result(change, REFUSED, answer, _problem(answer), final=answer.status in _HOPELESS)


def send_all(
    changes: Iterable[Change],
    make_poster: Callable[[], Poster],
    concurrency: int,
    pace: Callable[[], None],
    stop: threading.Event,
) -> Iterator[Result]:
    """Send changes until they are through, or one answer tells that no other will do better.

    Args:
        changes: read only as fast as they are sent.
        make_poster: a connection; there is one a thread.
        concurrency: how many are under way at once; with 1 they arrive in the order of the input.
        pace: called before each one is handed over; waits as the rate demands.
        stop: set here when no further attempt makes sense; whoever waits for a next one must stop waiting then.

    Yields:
        A result for each change that was handed over, in the order in which they are known.
    """
    under_way: set[Future[Result]] = set()
    with ExitStack() as stack:
        work = _worker(stack, make_poster)
        pool = stack.enter_context(ThreadPoolExecutor(concurrency, "send"))
        stack.callback(stop.set)
        for change in changes:
            pace()
            under_way.add(pool.submit(work, change))
            if len(under_way) < 2 * concurrency:
                continue
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from (results := [future.result() for future in done])
            if any(result.final for result in results):
                stop.set()
                break
        for future in as_completed(under_way):
            result = future.result()
            if result.final:
                stop.set()
            yield result


def _worker(stack: ExitStack, make_poster: Callable[[], Poster]) -> Callable[[Change], Result]:
    """Sends on the calling thread's own connection; the stack closes them all."""
    local, lock = threading.local(), threading.Lock()

    def work(change: Change) -> Result:
        if not hasattr(local, "poster"):
            with lock:
                local.poster = stack.enter_context(make_poster())
        return send_one(change, local.poster)

    return work


def pacer(rate: float, sleep: Callable[[float], object] = time.sleep) -> Callable[[], None]:
    """Waits so that at most `rate` calls a second return; 0 does not wait."""
    if rate <= 0:
        return lambda: None
    start, calls = time.monotonic(), 0

    def pace() -> None:
        nonlocal start, calls
        ahead = start + calls / rate - time.monotonic()
        if ahead > 0:
            sleep(ahead)
        elif ahead < -1:  # far behind: catching up would be a burst above the rate
            start, calls = time.monotonic(), 0
        calls += 1

    return pace


def _word(body: str) -> str:
    document = _object(body)
    status = document.get("status")
    return status if isinstance(status, str) else "taken"


def _problem(answer: Answer) -> str:
    """The server's reason, if it gave one (RFC 9457), before its status."""
    document = _object(answer.body)
    texts = [document.get("detail"), document.get("title"), answer.body.strip()]
    text = next((text for text in texts if isinstance(text, str) and text), "no reason given")
    return f"{answer.status}: {text}"


def _object(body: str) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
