"""When a producer is of no more use, and waiting for one that may become so.

An idempotent producer that can no longer tell what the log has of it ends with a fatal error: librdkafka then refuses
everything, for ever, and only another producer can append. It says so once, at the next poll; afterwards each record is
refused without the reason. Its records whose report is missing are all reported, as refused if they may not be there.
"""

import time
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

_POLL_SECONDS: Final = 0.1


def is_fatal(error: KafkaException) -> bool:
    """Whether whoever got this from a producer needs another one."""
    said = error.args[0]
    return bool(said.fatal()) or said.code() == KafkaError._FATAL  # noqa: SLF001  # the client's names for its own begin so


def flush(producer: Producer, deadline: float) -> int:
    """Wait for reports until then, seconds (monotonic); how many are missing.

    By polls: the client's own `flush` goes on with reports behind a fatal error, and then raises a SystemError.

    Raises:
        KafkaException: the producer failed for good.
    """
    while len(producer) and (left := deadline - time.monotonic()) > 0:
        producer.poll(min(left, _POLL_SECONDS))
    return len(producer)
