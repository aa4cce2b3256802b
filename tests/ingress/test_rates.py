"""Token buckets: so many requests a second, with a burst, each name on its own."""

from typing import TYPE_CHECKING, Any

import pytest

from ingress.problems import Problem
from ingress.rates import BURST_SECONDS, Rates

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Ingress

SKIPPED = {"type": "other"}


def _taken(rates: Rates, name: str, tries: int) -> int:
    return sum(_refusal(rates, name) is None for _ in range(tries))


def _refusal(rates: Rates, name: str) -> Problem | None:
    try:
        rates.take(name)
    except Problem as problem:
        return problem
    return None


def test_a_bucket_holds_a_burst_and_fills_at_its_rate() -> None:
    """After it is empty, exactly what flows in is let through; never more than it holds, however long nobody came."""
    now = [0.0]
    rates = Rates(10, lambda: now[0])

    assert _taken(rates, "a", 100) == 10 * BURST_SECONDS
    now[0] = 1.0
    assert _taken(rates, "a", 100) == 10
    now[0] = 1000.0
    assert _taken(rates, "a", 100) == 10 * BURST_SECONDS


def test_names_do_not_share() -> None:
    """One source's flood is no reason to put another off."""
    rates = Rates(1, lambda: 0.0)

    assert _taken(rates, "a", 100) == 2
    assert _taken(rates, "b", 100) == 2


@pytest.mark.parametrize(("per_second", "wait"), [(0.1, "10"), (3, "1"), (1000, "1")])
def test_it_says_how_long_to_wait(per_second: float, wait: str) -> None:
    """In whole seconds, at least one, and long enough."""
    rates = Rates(per_second, lambda: 0.0)
    refused = [_refusal(rates, "a") for _ in range(3000)][-1]

    assert refused is not None
    assert (refused.code, refused.headers["retry-after"]) == ("rate", wait)


def test_zero_limits_nothing() -> None:
    """The setting that turns it off."""
    assert _taken(Rates(0, lambda: 0.0), "a", 10_000) == 10_000


def test_a_source_that_sends_too_much_is_put_off(start: "Callable[..., Ingress]") -> None:
    """429 as a problem with Retry-After; the metrics count it."""
    ingress = start(source_requests_per_second=0.001)
    first, second = ingress.post(SKIPPED), ingress.post(SKIPPED)

    assert first.status_code == 200
    assert (second.status_code, second.json()["type"]) == (429, "urn:person-changes:problem:rate")
    assert int(second.headers["retry-after"]) >= 1
    assert ingress.measured('ingress_webhooks_total{answer="rate",source="generic"}') == 1


def test_strangers_use_up_nothing(start: "Callable[..., Ingress]") -> None:
    """Requests without a right signature do not count against the source that they pretend to be."""
    ingress = start(source_requests_per_second=0.001)
    forged: list[Any] = [ingress.post(SKIPPED, x_signature="0" * 64) for _ in range(5)]

    assert {answer.status_code for answer in forged} == {401}
    assert ingress.post(SKIPPED).status_code == 200
