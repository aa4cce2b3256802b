"""What the tests of the relay share: a system with a topic for updates, and how its outbox is filled."""

from collections.abc import Callable

import pytest

from tests.support.system import System
from tests.support.updates import Updates


@pytest.fixture
def updates(system: System, make_topic: Callable[..., str]) -> Updates:
    """The topic of this test's system, and its outbox."""
    topic = make_topic(partitions=4)
    system.settings["BUYER_GROUP_UPDATES_TOPIC"] = topic
    return Updates(system, topic)
