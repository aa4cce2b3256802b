"""Makes a producer fail for good, as the client does when the broker says that its sequence has a gap."""

import ctypes
from pathlib import Path
from typing import Any, Final

import confluent_kafka
from confluent_kafka import KafkaError, Producer

_FOLDER: Final = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
MOCK: Final[dict[str, Any]] = {"test.mock.num.brokers": 1, "allow.auto.create.topics": True}
"""What gives a client a broker of its own, in its process."""


def fail_for_good(producer: Producer) -> None:
    """Raise the client's own fatal error; its headers have a function for tests, which the wheel's library holds."""
    (library,) = _FOLDER.glob("librdkafka*")
    fail = ctypes.CDLL(str(library)).rd_kafka_test_fatal_error
    fail.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p]
    handle = ctypes.c_void_p.from_address(id(producer) + object.__basicsize__)  # the first field of the object
    assert fail(handle, KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER, b"a gap") == 0
