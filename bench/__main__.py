"""`make bench`: ratios to the limits of this machine, measured in one run, on a Kafka and a PostgreSQL of its own.

It never fails on speed: the exit code is not 0 only when something breaks.
"""

import argparse
import os
import signal
import sys
import time
from typing import Final

from bench.measure_consumer import ConsumerFigures, measure_consumer
from bench.measure_hot import HotFigures, measure_hot
from bench.measure_ingress import IngressFigures, measure_ingress
from bench.measure_relay import RelayFigures, measure_relay
from bench.report import as_json, lines, show
from bench.world import BenchError, say, started
from db.errors import DatabaseError
from local.process import LocalServerError

SECONDS: Final = 120.0
LEAST_SECONDS: Final = 20.0
SHARES: Final = {"ingress": 0.25, "consumer": 0.4, "hot": 0.2, "relay": 0.15}
STOPPED: Final = 130


def main() -> int:
    """Measure, and print.

    Returns:
        The exit code: 0, 1 when something broke, 130 after Ctrl-C.
    """
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    try:
        figures = _measure(asked.seconds, asked.only)
    except (BenchError, LocalServerError, DatabaseError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return STOPPED
    took = f"{time.monotonic() - began:.0f} s on {os.cpu_count()} cores, broker, database and load on them too."
    if asked.json:
        print(as_json(*figures))
    else:
        show(lines(*figures), f"{took} Compare ratios; rates vary with the machine and with what else it does.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, help="about how long all of it takes (%(default)s)"
    )
    parser.add_argument("--only", choices=tuple(SHARES), help="measure one part")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    return parser.parse_args()


def _seconds(text: str) -> float:
    if (seconds := float(text)) < LEAST_SECONDS:
        raise argparse.ArgumentTypeError(f"must be at least {LEAST_SECONDS:.0f}")
    return seconds


def _measure(
    seconds: float, only: str | None
) -> tuple[IngressFigures | None, ConsumerFigures | None, HotFigures | None, RelayFigures | None]:
    """One part in all the time, or all, each in its share of it."""
    shares = {name: float(name == only) if only else share for name, share in SHARES.items()}
    with started() as world:
        say("Kafka and PostgreSQL are up, with durable settings")
        ingress = measure_ingress(world, seconds * shares["ingress"]) if shares["ingress"] else None
        consumer = measure_consumer(world, seconds * shares["consumer"]) if shares["consumer"] else None
        hot = measure_hot(world, seconds * shares["hot"]) if shares["hot"] else None
        relay = measure_relay(world, seconds * shares["relay"]) if shares["relay"] else None
    return ingress, consumer, hot, relay


if __name__ == "__main__":
    sys.exit(main())
