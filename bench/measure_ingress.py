"""Ingress against the limit of its own server: how much of the webhooks a second is left after all that it does.

What it does for a 202: verify the signature, parse, validate, look the change up in the inbox, publish with acks=all.
The denominator is a Starlette route that only reads its body (`bench.bare`), in a process of its own, with the same
uvicorn settings and the same requests. Both run all the time and are loaded in turn, so that what else happens on the
machine meets both; the ratio is the median of the rounds' ratios.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from statistics import median
from typing import Final

from bench.load import Order, Seen
from bench.world import ROOT, BenchError, World, say
from ingress.app import WEBHOOK
from local.process import LOOPBACK, free_port
from schemas.admin import ensure_topics
from schemas.settings import KafkaSettings

ROUNDS: Final = 5
CONNECTIONS: Final = 64
WARM_UP_SECONDS: Final = 1.0
LEAST_SECONDS: Final = 1.0
TOPIC: Final = "bench-webhooks"
SECRET: Final = "bench-secret-that-signs-nothing-else"  # noqa: S105
EXTRA_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class IngressFigures:
    """What was measured; each tuple has one value a round.

    Attributes:
        ours: ingress.
        bare: the limit.
    """

    ours: tuple[Seen, ...]
    bare: tuple[Seen, ...]

    @property
    def ratio(self) -> float:
        """Ingress's share of the limit's rate, the rounds' median."""
        return median(ours.rate / bare.rate for ours, bare in zip(self.ours, self.bare, strict=True))


def measure_ingress(world: World, seconds: float) -> IngressFigures:
    """Load both servers in turn.

    Args:
        world: the servers.
        seconds: how long the whole may take, about.

    Raises:
        BenchError: a server refused a request.
        LocalServerError: a server does not start.
    """
    settings = KafkaSettings(
        kafka_bootstrap_servers=world.bootstrap, person_changes_topic=TOPIC, buyer_group_updates_topic=f"{TOPIC}-out"
    )
    ensure_topics(settings)
    each = max(LEAST_SECONDS, seconds / ROUNDS / 2 - WARM_UP_SECONDS - 1.0)
    with ExitStack() as stack:
        ours, bare = free_port(), free_port()
        stack.enter_context(world.running("ingress", ["cli", "ingress"], _environment(ours), ours))
        stack.enter_context(world.running("bare", ["bench.bare"], _environment(bare), bare))
        rounds = [_round(number, ours, bare, each) for number in range(ROUNDS)]
    return IngressFigures(tuple(first for first, _ in rounds), tuple(second for _, second in rounds))


def _environment(port: int) -> Mapping[str, str]:
    return {
        "INGRESS_HOST": LOOPBACK,
        "INGRESS_PORT": str(port),
        "WEBHOOK_SECRET": SECRET,
        "PERSON_CHANGES_TOPIC": TOPIC,
    }


def _round(number: int, ours: int, bare: int, seconds: float) -> tuple[Seen, Seen]:
    first, second = _load("ingress", ours, seconds), _load("the bare route", bare, seconds)
    ratio = first.rate / second.rate
    say(f"ingress, round {number + 1} of {ROUNDS}: {first.rate:,.0f}/s of {second.rate:,.0f}/s, {ratio:.0%}")
    return first, second


def _load(what: str, port: int, seconds: float) -> Seen:
    order = Order(LOOPBACK, port, WEBHOOK, SECRET, CONNECTIONS, WARM_UP_SECONDS, seconds)
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        check=False,
        timeout=WARM_UP_SECONDS + seconds + EXTRA_SECONDS,
        cwd=ROOT,
        start_new_session=True,
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator broke:\n{done.stderr}")
    seen = Seen(**json.loads(done.stdout))
    if seen.refused or seen.rate == 0:
        raise BenchError(f"{what} did not answer 202 to every request; by status (0: connection lost): {seen.refused}")
    return seen
