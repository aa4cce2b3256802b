"""Appends records to the topics and waits until the broker has them; for processes that wait for nothing else."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.outgoing import Outgoing
from schemas.producing import flush, is_fatal
from schemas.settings import KafkaSettings

FULL_QUEUE_PAUSE_SECONDS: Final = 0.05


class NotAppendedError(Exception):
    """The broker did not acknowledge in time; the records may arrive all the same."""


class Appender:
    """One producer, with acks=all and idempotence; one that failed for good is followed by another at the next call.

    Args:
        settings: where the broker is.
        name: the client's.
        seconds: how long to wait for acknowledgements.
    """

    def __init__(self, settings: KafkaSettings, name: str, seconds: float = 10.0) -> None:
        self._seconds = seconds
        self._config = settings.producer_config(name, **{"message.timeout.ms": round(seconds * 1000)})
        self._producer = Producer(self._config)

    def append(self, records: Iterable[Outgoing]) -> int:
        """Append records, in order within a key, and return their number once all are acknowledged.

        Raises:
            NotAppendedError: they are not; which of them arrived is not known.
        """
        errors: list[str] = []
        deadline, count = time.monotonic() + self._seconds, 0
        try:
            for record in records:
                self._produce(record, errors, deadline)
                count += 1
            left = flush(self._producer, deadline)
        except KafkaException as error:
            if is_fatal(error):
                self._producer = Producer(self._config)
            raise NotAppendedError(f"the broker refused: {error.args[0].str()}") from error
        if left or errors:
            why = errors[0] if errors else f"the broker did not acknowledge within {self._seconds:g} s"
            raise NotAppendedError(why)
        return count

    def _produce(self, record: Outgoing, errors: list[str], deadline: float) -> None:
        def report(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                errors.append(f"the broker refused: {error.str()}")

        while True:
            try:
                self._producer.produce(on_delivery=report, **record._asdict())
            except BufferError:
                if time.monotonic() > deadline:
                    raise NotAppendedError("the broker is slower than the records") from None
                self._producer.poll(FULL_QUEUE_PAUSE_SECONDS)
            else:
                self._producer.poll(0)
                return
