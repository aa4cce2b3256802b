"""Times as they are written for people and other systems."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import MAX_TIME_MS
from schemas.times import iso_utc


@given(st.integers(0, MAX_TIME_MS))
def test_a_time_is_the_same_when_it_is_read_again(ms: int) -> None:
    """To the millisecond, in UTC, in one form."""
    written = iso_utc(ms)

    assert datetime.fromisoformat(written) - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(milliseconds=ms)
    assert len(written) == len("2025-10-10T12:00:00.000Z")


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_760_097_600_999, "2025-10-10T12:00:00.999Z"),
        (MAX_TIME_MS, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_is_written_in_iso_8601(ms: int, written: str) -> None:
    """With milliseconds, also where there are none."""
    assert iso_utc(ms) == written
