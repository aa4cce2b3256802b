"""People whom sources know, and what became of hints about them."""

from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from schemas.events import PersonChange
from tests.support.changes import NOW, change
from tests.support.payloads import hubspot
from tests.support.system import System

PATH: Final = "/api/webhooks/person-change"


def known(source: str, person: str, *companies: str) -> list[PersonChange]:
    """Changes by which these companies know a person of a source."""
    return [change(f"known-{company}-{person}", company, person, source=source) for company in companies]


def event(**parts: Any) -> dict[str, Any]:
    """An event of HubSpot's, a little after the person became known."""
    return hubspot(**{"occurredAt": NOW + 1, **parts})


def roster(system: System) -> list[tuple[Any, ...]]:
    """Who is where, with which title."""
    return system.query("SELECT company_id, person_id, title FROM roster ORDER BY 1, 2")


def events(system: System, source: str) -> list[tuple[Any, ...]]:
    """Where which change of a source had which effect, without those that made the person known."""
    return system.query(
        f"SELECT company_id, type, outcome FROM webhook_events WHERE source = '{source}'"  # noqa: S608  # a test's own text
        " AND event_id NOT LIKE 'known-%' ORDER BY 1, 2"
    )


def parked(system: System) -> list[tuple[Any, ...]]:
    """Hints that wait."""
    return system.query("SELECT source, person_id, reason FROM parked_hints WHERE status = 'parked' ORDER BY 1, 2")


def all_read(system: System) -> bool:
    """Whether the resolvers have committed all that the topic of hints has."""
    reader = Consumer({"bootstrap.servers": system.bootstrap, "group.id": f"{system.topic}-resolver"})
    topic = system.settings["PERSON_HINTS_TOPIC"]
    try:
        places = [
            TopicPartition(topic, p) for p in sorted(reader.list_topics(topic, timeout=10).topics[topic].partitions)
        ]
        ends = [reader.get_watermark_offsets(place, timeout=10)[1] for place in places]
        return [max(0, place.offset) for place in reader.committed(places, timeout=10)] == ends
    finally:
        reader.close()
