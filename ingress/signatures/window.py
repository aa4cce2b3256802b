"""The time of a signature, and how far it may be from ours."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingress.signatures import SignatureError
from ingress.signatures.scheme import Unit

_MOST_DIGITS: Final = 15
_ISO: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_MS: Final = 100_000_000_000
"""March 1973; as seconds, the year 5138: a smaller number is no time in ms that anybody means, a greater none in s."""
_WORDS: Final = {
    "s": "a whole number of seconds since 1970",
    "ms": "a whole number of milliseconds since 1970",
    "s-or-ms": "a whole number of seconds or milliseconds since 1970",
    "iso": "a time in ISO 8601 with an offset, such as 2026-05-21T14:00:00Z",
}


@dataclass(frozen=True, slots=True)
class Window:
    """How old a signature may be, and how far ahead.

    Attributes:
        name: the header's name, for the sender.
        unit: of the time.
        max_age_ms: how old a signature may be.
        max_ahead_ms: how far the sender's clock may be ahead; less than the age, so that what was captured cannot be
            used for twice as long.
    """

    name: str
    unit: Unit
    max_age_ms: int
    max_ahead_ms: int

    def check(self, text: bytes, now: int) -> None:
        """Refuse what was not signed lately.

        Raises:
            SignatureError: the text is no time, or one outside of the window.
        """
        signed_at = self._read(text)
        if -self.max_ahead_ms <= now - signed_at <= self.max_age_ms:
            return
        self._check_magnitude(int(text) if self.unit in {"s", "ms"} else None)
        if now > signed_at:
            raise SignatureError("expired", f"{self.name} is more than {self.max_age_ms / 1000:g} s old")
        raise SignatureError("ahead", f"{self.name} is more than {self.max_ahead_ms / 1000:g} s ahead")

    def describe(self) -> str:
        """What the header holds, for senders."""
        if self.unit == "iso":
            return "time of the request, ISO 8601 with an offset"
        return f"time of the request, {self.unit.replace('-', ' ')} since 1970-01-01 UTC"

    def _read(self, text: bytes) -> int:
        """Ms UTC."""
        if self.unit == "iso":
            return self._read_iso(text)
        if not text.isdigit() or len(text) > _MOST_DIGITS:
            raise self._malformed()
        number = int(text)
        if self.unit == "ms" or (self.unit == "s-or-ms" and number >= _EARLIEST_MS):
            return number
        return number * 1000

    def _read_iso(self, text: bytes) -> int:
        if not _ISO.fullmatch(text):
            raise self._malformed()
        try:
            moment = datetime.fromisoformat(text.decode("ascii"))
        except ValueError:
            raise self._malformed() from None
        return (moment - _EPOCH) // timedelta(milliseconds=1)

    def _malformed(self) -> SignatureError:
        return SignatureError("malformed", f"{self.name} is not {_WORDS[self.unit]}")

    def _check_magnitude(self, number: int | None) -> None:
        """The commonest mistake of senders gets a sentence of its own."""
        if number is None:
            return
        if self.unit == "ms" and number < _EARLIEST_MS:
            raise SignatureError("malformed", f"{self.name} must be in milliseconds since 1970, not in seconds")
        if self.unit == "s" and number >= _EARLIEST_MS:
            raise SignatureError("malformed", f"{self.name} must be in seconds since 1970, not in milliseconds")
