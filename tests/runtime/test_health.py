"""Probes of a consumer."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
from prometheus_client import CollectorRegistry

from consumers.runtime.health import HealthServer
from consumers.runtime.metrics import Metrics
from consumers.runtime.processor import OUTCOMES, Result

trouble: dict[str, str | None] = {"live": None, "ready": None}


@pytest.fixture
def url() -> Iterator[str]:
    """A running server whose checks say what `trouble` says."""
    server = HealthServer("127.0.0.1", 0, lambda: trouble["live"], lambda: trouble["ready"], CollectorRegistry())
    with closing(server):
        yield f"http://127.0.0.1:{server.port}"


def ask(url: str) -> tuple[int, str]:
    """Status and text."""
    answer = httpx.get(url)
    return answer.status_code, answer.text


def test_each_probe_gives_its_own_reason(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that waits for its database is alive, but not ready."""
    assert ask(f"{url}/healthz") == ask(f"{url}/readyz") == (200, "ok\n")
    monkeypatch.setitem(trouble, "ready", "the database cannot be used")

    assert ask(f"{url}/readyz") == (503, "the database cannot be used\n")
    assert ask(f"{url}/healthz")[0] == 200
    assert ask(f"{url}/other")[0] == 404
    assert ask(f"{url}/metrics")[0] == 200


def test_records_less_outcomes_is_a_metric_that_would_show_a_loss() -> None:
    """Law L7: 0, unless a record has no outcome."""
    metrics = Metrics()
    outcomes = dict.fromkeys(OUTCOMES, 1)
    metrics.batch(Result(len(OUTCOMES), outcomes, 0, 1, more_due=False, phases={}))
    assert metrics.registry.get_sample_value("consumer_conservation_difference") == 0

    metrics.batch(Result(len(OUTCOMES) + 2, outcomes, 0, 1, more_due=False, phases={}))
    assert metrics.registry.get_sample_value("consumer_conservation_difference") == 2
