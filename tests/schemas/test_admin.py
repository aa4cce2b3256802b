"""The topics come into being as the design asks for, however many processes make them at once."""

import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from schemas.admin import TopicConfigError, check_topic, ensure_topics, partition_count
from schemas.settings import KafkaSettings

_TOPICS = ("person_changes", "buyer_group_updates", "person_hints")
MakeSettings = Callable[..., KafkaSettings]


@pytest.fixture
def client(kafka_bootstrap: str) -> Iterator[AdminClient]:
    """Looks at what was made."""
    with AdminClient({"bootstrap.servers": kafka_bootstrap}) as admin:
        yield admin


@pytest.fixture
def make_settings(kafka_bootstrap: str, client: AdminClient) -> Iterator[MakeSettings]:
    """Settings with topic names of this test's own; the topics are gone afterwards."""
    names: list[str] = []

    def make(**others: int) -> KafkaSettings:
        mark = uuid.uuid4().hex[:12]
        topics = {f"{name}_topic": f"test-{mark}-{name}" for name in _TOPICS}
        names.extend(topics.values())
        return KafkaSettings.model_validate({"kafka_bootstrap_servers": kafka_bootstrap, **topics, **others})

    yield make
    for future in client.delete_topics(names, request_timeout=15).values():
        future.exception()


def _names(settings: KafkaSettings) -> list[str]:
    return [settings.person_changes_topic, settings.buyer_group_updates_topic, settings.person_hints_topic]


def _config(client: AdminClient, name: str) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, name)
    entries = client.describe_configs([resource], request_timeout=15)[resource].result()
    return {key: entry.value for key, entry in entries.items()}


def test_all_topics_are_made_as_the_design_asks(make_settings: MakeSettings, client: AdminClient) -> None:
    """Twelve partitions, thirty days, nothing compacted, acknowledged means stored; the log's time is the broker's."""
    settings = make_settings()
    assert ensure_topics(settings) == _names(settings)
    for name in _names(settings):
        config = _config(client, name)
        assert partition_count(client, name) == 12
        assert config["retention.ms"] == str(30 * 24 * 3600 * 1000)
        assert config["cleanup.policy"] == "delete"
        assert config["min.insync.replicas"] == "1"
    assert _config(client, settings.person_changes_topic)["message.timestamp.type"] == "LogAppendTime"


def test_partitions_and_retention_are_those_of_the_settings(make_settings: MakeSettings, client: AdminClient) -> None:
    """What a deployment chooses is what it gets."""
    settings = make_settings(topic_partitions=3, topic_retention_hours=24 * 90, topic_replication_factor=1)
    ensure_topics(settings)
    for name in _names(settings):
        assert partition_count(client, name) == 3
        assert _config(client, name)["retention.ms"] == str(90 * 24 * 3600 * 1000)


def test_a_second_call_makes_nothing(make_settings: MakeSettings, client: AdminClient) -> None:
    """Every process may call it on every start; existing topics stay as they are."""
    settings = make_settings(topic_partitions=2)
    ensure_topics(settings)
    assert ensure_topics(settings.model_copy(update={"topic_partitions": 7})) == []
    assert partition_count(client, settings.person_changes_topic) == 2


def test_several_at_once_make_each_topic_once(make_settings: MakeSettings) -> None:
    """Processes that start together do not fail each other, and exactly one of them made each topic."""
    settings = make_settings(topic_partitions=1)
    start = threading.Barrier(6)

    def ensure(_: int) -> list[str]:
        start.wait(10)
        return ensure_topics(settings)

    with ThreadPoolExecutor(6) as pool:
        made = [name for names in pool.map(ensure, range(6)) for name in names]
    assert sorted(made) == sorted(_names(settings))


def test_a_log_on_the_producers_time_is_refused(make_settings: MakeSettings, client: AdminClient) -> None:
    """Under CreateTime a producer's wrong clock would decide (L6); the error names topic, setting and remedy."""
    settings = make_settings()
    name = settings.person_changes_topic
    topic = NewTopic(name, num_partitions=1, config={"message.timestamp.type": "CreateTime"})
    client.create_topics([topic], request_timeout=15)[name].result()
    with pytest.raises(TopicConfigError) as caught:
        ensure_topics(settings)
    said = str(caught.value)
    assert f"topic {name} has message.timestamp.type=CreateTime" in said
    assert f"--entity-name {name} --add-config message.timestamp.type=LogAppendTime" in said


def test_a_right_topic_made_by_somebody_else_is_accepted(make_topic: Callable[..., str], client: AdminClient) -> None:
    """Who made the topic does not matter, how it is set does."""
    check_topic(client, make_topic(partitions=1))


def test_a_topic_that_does_not_exist_has_no_partitions(client: AdminClient) -> None:
    """Asking for its partitions is no error, and does not make it."""
    name = f"test-{uuid.uuid4().hex}"
    assert partition_count(client, name) == 0
    assert partition_count(client, name) == 0


def test_a_broker_that_refuses_is_an_error(make_settings: MakeSettings) -> None:
    """What cannot be made is said at once, not found out by the first producer."""
    with pytest.raises(KafkaException, match=r"(?i)replication"):
        ensure_topics(make_settings(topic_replication_factor=3))
