"""What the tests of opt-outs share."""

from collections.abc import Iterator

import pytest

from consumers.runtime.processor import Processor
from tests.support.consumption import processor_for


@pytest.fixture
def processor(database_url: str) -> Iterator[Processor]:
    """One consumer."""
    made = processor_for(database_url)
    yield made
    made.store.close()
