"""Dead letters for operators: looked at, counted, settled. All times are integer ms UTC."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, LiteralString, NamedTuple, Self

import psycopg

from db.errors import translated
from db.sql import load

CONNECT_TIMEOUT_S: Final = 5


class Place(NamedTuple):
    """Where a record stands in Kafka; written topic/partition/offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


_BEFORE_ALL: Final = Place("", -1, -1)


class Letter(NamedTuple):
    """A record that could not be applied.

    Attributes:
        company_id: of the value, if it could be read.
        headers: [name, text or null, hex when it is no text] each.
        log_time: the broker's time of the record.
        settled_at: when it was retried or discarded, by the database's clock.
        settled_why: why it was discarded, or where the retry stands.
    """

    topic: str
    partition: int
    offset: int
    company_id: str | None
    key: bytes | None
    value: bytes | None
    headers: list[list[str | None]]
    log_time: int
    reason: str
    status: str
    created_at: int
    settled_at: int | None
    settled_why: str | None

    @property
    def place(self) -> Place:
        """Where the record stands."""
        return Place(self.topic, self.partition, self.offset)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which letters are meant; None chooses all.

    Attributes:
        status: open, retried or discarded.
        reason: a part of the reason, in any case.
        company: company id; also of a value that could not be read, by its key.
        since: log time, ms.
        places: these only.
    """

    status: str | None = "open"
    reason: str | None = None
    company: str | None = None
    since: int | None = None
    places: tuple[Place, ...] | None = None

    def parameters(self) -> dict[str, Any]:
        """As the query takes them."""
        topics, partitions, offsets = _columns(self.places) if self.places is not None else (None, None, None)
        names = {"status": self.status, "reason": self.reason, "company": self.company, "since": self.since}
        return {**names, "topics": topics, "partitions": partitions, "offsets": offsets}


class Letters:
    """The letter box of one database, over one connection.

    Raises:
        RetryableDatabaseError: on entering or using; the database is away.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._sql = load("letters")

    def __enter__(self) -> Self:
        with translated():
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def count(self, chosen: Chosen) -> int:
        """How many are meant."""
        ((number,),) = self._rows("count", chosen.parameters())
        return int(number)

    def read(self, chosen: Chosen, limit: int, after: Place = _BEFORE_ALL) -> list[Letter]:
        """Those that are meant, in order of their places.

        Args:
            chosen: which.
            limit: at most so many.
            after: only those that come after this one.
        """
        topic, partition, offset = after
        start = {"after_topic": topic, "after_partition": partition, "after_offset": offset, "limit": limit}
        return [Letter(*row) for row in self._rows("read", chosen.parameters() | start)]

    def pages(self, chosen: Chosen, size: int) -> Iterator[list[Letter]]:
        """All that are meant, so many at a time; what is settled meanwhile does not disturb."""
        after = _BEFORE_ALL
        while page := self.read(chosen, size, after):
            yield page
            after = page[-1].place

    def settle(self, status: str, whys: Mapping[Place, str]) -> None:
        """Letters wait for nobody any more.

        Args:
            status: retried or discarded.
            whys: why, or where the retry stands, by place.
        """
        topics, partitions, offsets = _columns(tuple(whys))
        places = {"topics": topics, "partitions": partitions, "offsets": offsets}
        with translated():
            self._connection.execute(self._sql["settle"], {**places, "status": status, "whys": list(whys.values())})

    def _rows(self, name: str, parameters: Mapping[str, Any]) -> list[Any]:
        query: LiteralString = self._sql[name].replace("{chosen}", self._sql["chosen"])
        with translated():
            return self._connection.execute(query, parameters).fetchall()


def _columns(places: Sequence[Place]) -> tuple[list[str], list[int], list[int]]:
    return [p.topic for p in places], [p.partition for p in places], [p.offset for p in places]
