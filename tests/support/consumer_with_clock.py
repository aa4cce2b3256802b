"""A consumer process whose wall clock is wrong by as many hours as the first argument says."""

import sys
import time

from cli.logs import configure_logs
from consumers.runtime.run import consume
from consumers.runtime.stopping import stopped_by_signals
from consumers.settings import ConsumerSettings


def main() -> None:
    """Consume until told to stop."""
    ahead = round(float(sys.argv[1]) * 3600 * 1e9)
    configure_logs()
    with stopped_by_signals() as stop:
        consume(ConsumerSettings(), stop, lambda: time.time_ns() + ahead)


if __name__ == "__main__":
    main()
