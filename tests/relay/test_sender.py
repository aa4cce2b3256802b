"""Kafka transactions as the relay's fence, on the real broker."""

from contextlib import closing

import pytest
from confluent_kafka import KafkaException

from consumers.relay.order import message_of
from consumers.relay.sender import StoppedError, TransactionalSender
from schemas.settings import KafkaSettings
from tests.support.updates import Group, Updates, waiting

ACME = Group("default", "acme")


def settings(updates: Updates) -> KafkaSettings:
    """Where this test's topic is."""
    return KafkaSettings(kafka_bootstrap_servers=updates.system.bootstrap, buyer_group_updates_topic=updates.topic)


def test_a_later_sender_fences_an_earlier_one_off(updates: Updates) -> None:
    """What the earlier one still wants to send does not arrive, not even for those who read uncommitted messages."""
    with (
        closing(TransactionalSender(settings(updates), "one", lambda: False)) as one,
        closing(TransactionalSender(settings(updates), "two", lambda: False)) as two,
    ):
        two.send([message_of(waiting("acme", 1, updates.topic))])
        two.send([message_of(waiting("acme", 2, updates.topic))])
        with pytest.raises(KafkaException) as caught:
            one.send([message_of(waiting("acme", 1, updates.topic))])

    assert caught.value.args[0].fatal()
    assert updates.versions("read_uncommitted") == {ACME: [1, 2]}


def test_a_message_that_the_broker_refuses_is_not_taken_for_sent(updates: Updates) -> None:
    """One that is too large fails the whole turn: what was sent with it is repeated, nothing is forgotten."""
    small, large = waiting("acme", 1, updates.topic), waiting("big", 1, updates.topic)._replace(value=bytes(2_000_000))
    with closing(TransactionalSender(settings(updates), "one", lambda: False)) as sender, pytest.raises(KafkaException):
        sender.send([message_of(small), message_of(large)])

    assert updates.versions() == {}


def test_a_sender_that_is_told_to_stop_does_not_wait_for_a_broker(updates: Updates) -> None:
    """Ctrl-C works while the broker is away."""
    nowhere = settings(updates).model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    with pytest.raises(StoppedError):
        TransactionalSender(nowhere, "one", lambda: True)
