"""A system of each test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.system import System

PARTITIONS = 6


@pytest.fixture
def system(kafka_bootstrap: str, make_topic: Callable[..., str], database_url: str, tmp_path: Path) -> Iterator[System]:
    """A topic and a schema; processes that a test starts end with it."""
    made = System(kafka_bootstrap, make_topic(PARTITIONS), PARTITIONS, database_url, tmp_path)
    yield made
    made.close()
