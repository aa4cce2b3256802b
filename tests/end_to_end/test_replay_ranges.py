"""Which companies a range of the log chooses for a replay."""

from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from consumers.replay.replay import Selection, touched
from tests.support.changes import change
from tests.support.system import System


def test_a_range_chooses_the_companies_that_it_touches(system: System) -> None:
    """By offsets, by time, and together with names; a range of nothing chooses nobody."""
    system.publish(change(f"e{n}", company=f"company-{n}") for n in range(30))
    system.drain()
    ((company, partition, offset, at),) = system.query(
        "SELECT company_id, kafka_partition, kafka_offset, to_ms(log_time) FROM webhook_events ORDER BY 1 LIMIT 1"
    )

    def chosen(**selection: Any) -> tuple[str, ...]:
        return touched(system.consumer_settings(), Selection(**selection))

    assert chosen(offsets={partition: (offset, offset + 1)}) == (company,)
    assert chosen(offsets={partition: (offset, offset)}) == ()
    assert company in chosen(since=at)
    assert company not in chosen(until=at)
    assert chosen(since=at + 3_600_000) == ()
    assert chosen(since=at, companies=frozenset({company, "unknown"})) == (company,)
    assert len(chosen()) == 30


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("--offsets", "0-5"), ("--offsets", "a:1-2")])
def test_a_range_that_is_none_is_refused(words: tuple[str, str]) -> None:
    """The message names the option and shows how it must look."""
    result = CliRunner().invoke(app, ["replay", *words])

    assert result.exit_code == 2
    assert words[0] in result.output
    assert "like" in result.output
