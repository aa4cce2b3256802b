"""Posts one signed change until it is answered: waits out a busy or restarting server, never follows a redirect."""

import http.client
import math
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final, Self
from urllib.parse import urlsplit

from cli.failures import USAGE, CommandError
from cli.output import now_ms
from cli.signing import WEBHOOK_PATH, signed_headers

RETRIED: Final = frozenset({429, 502, 503, 504})
"""Answers that say: later. Sending again is safe, because a change has one effect however often it comes."""
TIMEOUT_SECONDS: Final = 30.0
FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 30.0
MAX_ANSWER_BYTES: Final = 64 * 1024


class UnreachableError(Exception):
    """The server did not take the change within the sender's patience."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where changes are posted."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def url(self) -> str:
        """The whole address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{f':{self.port}' if self.port else ''}{self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said."""

    status: int
    body: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to try, and how to wait; the clock and the dice can be replaced.

    Attributes:
        patience: seconds after which no further attempt is made; 0 makes one attempt.
        sleep: waits so many seconds; true when the wait was broken off.
        notice: told why, at each wait.
    """

    patience: float
    sleep: Callable[[float], bool]
    notice: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    dice: Callable[[], float] = random.random


def parse_target(url: str) -> Target:
    """The address of the webhook.

    Args:
        url: the ingress's base address, or the address of one source's webhook.

    Raises:
        CommandError: this is no HTTP address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise CommandError(f"{url} is no HTTP address: {error}", USAGE) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CommandError(f"{url} is no HTTP address: it must look like http://127.0.0.1:8000", USAGE)
    path = parts.path if parts.path.strip("/") else WEBHOOK_PATH
    return Target(parts.scheme, parts.hostname, port, f"{path}?{parts.query}" if parts.query else path)


@dataclass(slots=True)
class Poster:
    """One kept-alive connection; it belongs to one thread.

    Attributes:
        target: where to.
        secret: to sign with.
        waiting: how long to try.
    """

    target: Target
    secret: bytes
    waiting: Waiting
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def post(self, body: bytes) -> Answer:
        """Send a change and wait for its answer; each attempt is signed anew.

        Raises:
            UnreachableError: no answer, or only "later", until the patience was over.
        """
        deadline = self.waiting.clock() + self.waiting.patience
        attempts = 0
        while True:
            attempts += 1
            later: float | None = None
            try:
                status, text, later = self._exchange(body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                why = f"{self.target.url} cannot be reached: {describe(error)}"
            else:
                if status not in RETRIED:
                    return Answer(status, text, attempts)
                why = f"{self.target.url} answers {status}: {text.strip() or 'try later'}"
            pause = self._pause(attempts, later)
            if self.waiting.clock() + pause > deadline:
                raise UnreachableError(why)
            self.waiting.notice(why)
            if self.waiting.sleep(pause):
                raise UnreachableError("stopped")

    def close(self) -> None:
        """Drop the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, body: bytes) -> tuple[int, str, float | None]:
        reused = self._connection is not None
        try:
            return self._once(body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.close()
            if not reused:
                raise
        return self._once(body)  # a server may drop an idle connection at any time: that is no failure yet

    def _once(self, body: bytes) -> tuple[int, str, float | None]:
        connection = self._connection = self._connection or _open(self.target)
        connection.request("POST", self.target.path, body, signed_headers(self.secret, now_ms(), body))
        response = connection.getresponse()
        text = response.read(MAX_ANSWER_BYTES).decode("utf-8", "replace")
        if not response.isclosed() or response.will_close:
            self.close()
        return response.status, text, retry_after(response.getheader("retry-after"), time.time())

    def _pause(self, attempts: int, later: float | None) -> float:
        backoff = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(attempts - 1, 16))
        # Jitter keeps senders that were turned away together from coming back together.
        return (later or 0.0) + backoff * (0.5 + self.waiting.dice() / 2)


def retry_after(text: str | None, now_s: float) -> float | None:
    """Seconds that a server asks to wait (RFC 9110: a number, or a date); None when it does not say."""
    text = (text or "").strip()
    try:
        seconds = float(text) if text[:1].isdigit() else parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def describe(error: Exception) -> str:
    """What went wrong on the way, for people."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _open(target: Target) -> http.client.HTTPConnection:
    if target.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(target.host, target.port, timeout=TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_SECONDS)
