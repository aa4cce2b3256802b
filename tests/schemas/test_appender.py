"""Appending from processes that wait: what is not acknowledged is an error, and a producer that failed is replaced."""

import pytest

from schemas.appender import Appender, NotAppendedError
from schemas.outgoing import Outgoing
from schemas.settings import KafkaSettings
from tests.support.fatal import MOCK, fail_for_good

RECORD = Outgoing("log", b"value", b"key", [])


@pytest.mark.parametrize("before", [0, 1])
def test_a_producer_that_fails_for_good_fails_one_call(before: int) -> None:
    """The next one, which whoever waits makes anyway, has another producer; also when records were under way."""
    appender = Appender(KafkaSettings(kafka_client_config=MOCK), "test", 5.0)
    assert appender.append([RECORD]) == 1
    producer = appender._producer
    for _ in range(before):
        producer.produce("log", b"value")
    fail_for_good(producer)
    with pytest.raises(NotAppendedError):
        appender.append([RECORD])

    assert appender.append([RECORD, RECORD]) == 2
