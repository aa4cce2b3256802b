"""Sends messages in Kafka transactions, and shuts out any relay that was at it before."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaException, Producer

from consumers.relay.order import Message
from schemas.settings import KafkaSettings

TRANSACTION_MS: Final = 30_000
"""The broker aborts a transaction that is older: its relay is gone."""
ANSWER_SECONDS: Final = 20.0
"""What the broker has not done by then, another sender asks it to do anew."""
LOOK_SECONDS: Final = 0.5


class StoppedError(Exception):
    """We were told to stop while the broker did not answer; whether it has the messages is not known."""


class TransactionalSender:
    """A producer whose transactional id is the topic's: a sender that is made later fences this one off.

    So a relay that lost its claim while it was paused cannot append an old version behind newer ones.

    Args:
        settings: where Kafka is.
        name: the client's.
        stopping: whether to give up waiting.

    Raises:
        KafkaException: from every method: the broker cannot do it now, or a later sender has fenced us off; what
            arrived is not known. Whoever gets it makes another sender.
        StoppedError: from every method.
    """

    def __init__(self, settings: KafkaSettings, name: str, stopping: Callable[[], bool]) -> None:
        self._stopping = stopping
        config = settings.producer_config(
            name,
            **{
                "transactional.id": f"{settings.buyer_group_updates_topic}-relay",
                "transaction.timeout.ms": TRANSACTION_MS,
                "linger.ms": 0,  # a transaction's last message would wait for others that cannot come
            },
        )
        self._producer: Producer | None = Producer(config)
        self._patiently(self._producer.init_transactions, LOOK_SECONDS)

    def send(self, messages: Sequence[Message]) -> None:
        """Return when the broker has acknowledged all of them, on as many replicas as the topic asks for."""
        if self._producer is None:
            raise ValueError("this sender is closed")
        self._producer.begin_transaction()
        for topic, key, value, headers in messages:
            self._patiently(partial(self._producer.produce, topic, value, key, headers=headers))
        self._patiently(self._producer.commit_transaction, LOOK_SECONDS)

    def close(self) -> None:
        """Drop what is not acknowledged: it is still in the outbox.

        The client's own `close` would wait for it, and complain of a transaction that it cannot abort.
        """
        if self._producer is not None:
            self._producer.purge()
            self._producer.poll(0)
            self._producer = None

    def _patiently(self, call: Callable[..., object], *arguments: object) -> None:
        """Call again while the client says that it may yet succeed."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                call(*arguments)
            except BufferError:
                if self._producer is not None:
                    self._producer.poll(LOOK_SECONDS)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
            else:
                return
            if self._stopping():
                raise StoppedError
