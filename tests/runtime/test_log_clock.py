"""The broker's time, counted on by a clock of ours that may be wrong."""

from dataclasses import dataclass

import pytest

from consumers.runtime.log_clock import TRUSTED_SECONDS, LogClock


@dataclass
class Clocks:
    """Both clocks of a machine, in seconds; the wall clock is wrong by `error`."""

    monotonic: float = 100.0
    error: float = 0.0

    def log_clock(self) -> LogClock:
        """A log clock on this machine."""
        return LogClock(lambda: round((self.monotonic + self.error) * 1e9), lambda: self.monotonic)


def test_nobody_knows_the_time_before_it_was_told() -> None:
    """A restart must ask: the last record may be of yesterday."""
    assert Clocks().log_clock().now() is None


@pytest.mark.parametrize("error", [0.0, 3600.0, -3600.0])
def test_it_counts_on_from_what_was_told_last(error: float) -> None:
    """Whatever the machine's own clock says; a broker whose clock was put back is believed."""
    clocks = Clocks(error=error)
    clock = clocks.log_clock()
    clock.tell(1_000_000)
    clocks.monotonic += 2.5
    assert clock.now() == 1_002_500

    clock.tell(500_000)
    assert clock.now() == 500_000


def test_it_is_not_trusted_for_ever() -> None:
    """Clocks drift."""
    clocks = Clocks()
    clock = clocks.log_clock()
    clock.tell(1_000_000)
    clocks.monotonic += TRUSTED_SECONDS
    assert clock.now() is not None
    clocks.monotonic += 1
    assert clock.now() is None


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_machine_that_slept_or_whose_clock_was_set_asks_again(jump: float) -> None:
    """The monotonic clock does not count sleep; only that the two part tells."""
    clocks = Clocks()
    clock = clocks.log_clock()
    clock.tell(1_000_000)
    clocks.error += jump
    assert clock.now() is None
    clock.tell(5_000_000)
    assert clock.now() == 5_000_000
