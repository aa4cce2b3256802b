"""The order that receivers rely on, whatever fails where: a model of outbox, topic and relays that die."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.relay.order import Message, message_of, relay_turn
from db.rows import OutboxRow
from schemas.codec import Codec
from schemas.topics import company_key
from tests.support.updates import CODEC, Group, waiting


class DiedError(Exception):
    """The process is gone."""


@dataclass
class Table:
    """An outbox in memory; `dies` before it forgets."""

    rows: list[OutboxRow] = field(default_factory=list)
    dies: bool = False

    def heads(self, limit: int) -> Sequence[OutboxRow]:
        """Of each group the earliest version."""
        first = {(r.workspace_id, r.company_id): r for r in sorted(self.rows, key=lambda r: -r.version)}
        return sorted(first.values(), key=lambda r: (r.log_time, r.company_id))[:limit]

    def delete(self, sent: Sequence[OutboxRow]) -> None:
        """Forget, or die."""
        if self.dies:
            raise DiedError
        self.rows = [row for row in self.rows if row not in sent]


@dataclass
class Topic:
    """A topic in memory; `arrive` is how many of the next messages arrive before the relay dies; None: all."""

    arrive: int | None = None
    messages: list[Message] = field(default_factory=list)

    def send(self, messages: Sequence[Message]) -> None:
        """All or, before dying, some."""
        self.messages.extend(messages[: self.arrive])
        if self.arrive is not None:
            raise DiedError

    def versions(self) -> dict[Group, list[int]]:
        """By group, in order."""
        seen: dict[Group, list[int]] = defaultdict(list)
        for message in self.messages:
            said = CODEC.decode(message.value)
            seen[Group(said["workspace_id"], said["company_id"])].append(said["version"])
        return dict(seen)


def take_once(versions: Sequence[int]) -> list[int]:
    """What a receiver acts on that remembers the last version."""
    acted = [0]
    acted.extend(v for last, v in zip([0, *versions], versions, strict=False) if v > last)
    return acted[1:]


def never_goes_back(versions: Sequence[int]) -> bool:
    """Whether each is the one before again, or the next."""
    return all(b - a in (0, 1) for a, b in zip([0, *versions], versions, strict=False))


_DEATHS = st.lists(st.none() | st.tuples(st.booleans(), st.integers(0, 6)), max_size=12)


@given(st.data(), _DEATHS, st.integers(1, 5))
def test_a_receiver_sees_each_version_once_and_in_order_wherever_relays_die(
    data: st.DataObject, deaths: Sequence[tuple[bool, int] | None], limit: int
) -> None:
    """L1 and L3 for updates: each turn may die with some messages in the topic, or all of them and none forgotten."""
    counts = data.draw(st.dictionaries(st.sampled_from("abc"), st.integers(1, 4), min_size=1))
    table, topic = Table([waiting(c, v, "t") for c, count in counts.items() for v in range(1, count + 1)]), Topic()
    for death in deaths:
        table.dies, topic.arrive = (False, None) if death is None else (death[0], None if death[0] else death[1])
        try:
            relay_turn(table, topic, limit)
        except DiedError:
            continue
    table.dies, topic.arrive = False, None
    while relay_turn(table, topic, limit):
        pass

    assert table.rows == []
    for company, count in counts.items():
        versions = topic.versions()[Group("default", company)]
        assert never_goes_back(versions), versions
        assert take_once(versions) == list(range(1, count + 1))


def test_nothing_is_forgotten_before_it_is_acknowledged() -> None:
    """A send that fails leaves the outbox as it was."""
    table, topic = Table([waiting("acme", 1, "t")]), Topic(arrive=0)

    with pytest.raises(DiedError):
        relay_turn(table, topic, 10)

    assert [row.version for row in table.rows] == [1]


def test_a_message_says_what_it_is_without_being_opened() -> None:
    """Key and CloudEvents headers; the id is one for each version, also for ids with slashes in them."""
    message = message_of(waiting("acme/eu é", 7, "the-topic", "w/1"))

    assert (message.topic, message.key) == ("the-topic", company_key("acme/eu é"))
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"w%2F1/acme%2Feu%20%C3%A9/7",
        "ce_source": b"person-changes",
        "ce_type": b"buyer_group.updated",
        "ce_time": b"2025-10-09T08:53:27.000Z",
        "content-type": b"application/avro",
    }
    assert Codec("buyer_group_updated").decode(message.value)["version"] == 7
