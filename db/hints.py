"""Hints in the database: where people are known, and what waits until they are.

All times are integer ms UTC.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from db.arrays import columns, octets, texts
from db.erasure import ForgottenRow, OptOutRow, SearchRow
from db.errors import StaleCompanyError, translated
from db.rows import DeadLetterRow
from db.session import Session


class HintedPerson(NamedTuple):
    """A person as a source knows them."""

    source: str
    person_id: str


class KnownRow(NamedTuple):
    """A company that knows a hinted person.

    Attributes:
        hinted: the person's id as the source knows them.
        person_id: their id on the company's roster.
        present: whether they work there now.
        sure: whether the source itself has said something of them there.
    """

    source: str
    hinted: str
    company_id: str
    person_id: str
    present: bool
    name: str | None
    domain: str | None
    sure: bool


class HintKey(NamedTuple):
    """Identity of a hint."""

    source: str
    person_id: str
    event_id: str


class ParkedRow(NamedTuple):
    """A hint that no company could be told of, with the bytes of its record."""

    source: str
    person_id: str
    event_id: str
    type: str
    log_time: int
    reason: str
    value: bytes


class Place(NamedTuple):
    """A place in the order in which parked hints are gone through."""

    log_time: int = 0
    source: str = ""
    person_id: str = ""
    event_id: str = ""


START: Final = Place()


class HintStore(Session):
    """What the resolver reads and writes; it belongs to one thread."""

    queries = ("hints", "erasure")

    def known(self, people: Sequence[HintedPerson]) -> list[KnownRow]:
        """Where people are known, in order of company.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        with translated():
            found = self._open().execute(self._sql["known_people"], columns(HintedPerson, people))
            return [KnownRow(*row) for row in found]

    def settle(
        self,
        topic: str,
        parked: Sequence[ParkedRow],
        resolved: Sequence[HintKey],
        opted_out: Sequence[ForgottenRow],
        letters: Sequence[DeadLetterRow],
        number: int = 0,
    ) -> None:
        """What became of hints, all of it or nothing; the same again changes nothing.

        Args:
            topic: of the letters.
            parked: each hint once.
            resolved: hints whose changes are in the log.
            opted_out: people of whom nothing may wait.
            letters: records that are no hints.
            number: of the latest opt-out that the letters were held against.

        Raises:
            StaleCompanyError: somebody has opted out since; nothing was written.
            RetryableDatabaseError: the database is away.
        """
        connection = self._open()
        with translated(), connection.transaction():
            if parked:
                connection.execute(self._sql["park"], columns(ParkedRow, parked))
            if resolved:
                connection.execute(self._sql["resolve"], columns(HintKey, resolved))
            if letters:
                # As a batch of changes does: an opt-out that did not find these letters is found here.
                connection.execute(self._sql["hold_opt_outs"])
                if connection.execute(self._sql["find_newer"], {"number": number}).fetchall():
                    raise StaleCompanyError("somebody has opted out since letters were held against opt-outs")
                connection.execute(self._sql["bury"], columns(DeadLetterRow, letters) | {"topic": topic})
            if opted_out:
                connection.execute(self._sql["forget"], columns(ForgottenRow, opted_out))

    def refuse(self, rows: Sequence[OptOutRow], searches: Sequence[SearchRow]) -> None:
        """Keep marks of people who opted out: no batch that does not know them commits afterwards.

        Args:
            rows: the marks.
            searches: what is to be searched for them.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        wanted, connection = columns(OptOutRow, rows), self._open()
        with translated(), connection.transaction():
            if connection.execute(self._sql["unknown_opt_outs"], {"mark": wanted["mark"]}).fetchall():
                connection.execute(self._sql["lock_commits"])
                connection.execute(self._sql["keep_opt_outs"], wanted)
            connection.execute(self._sql["keep_searches"], columns(SearchRow, searches))

    def opt_outs(self) -> int:
        """The number of the latest opt-out; 0 when nobody has opted out."""
        with translated():
            ((number,),) = self._open().execute(self._sql["read_count"]).fetchall()
        return int(number)

    def searching(self, names: Sequence[str]) -> bool:
        """Whether one of these names is still searched for."""
        with translated():
            return bool(self._open().execute(self._sql["find_searches"], {"names": texts(names)}).fetchall())

    def opted_out(self, marks: Sequence[bytes]) -> frozenset[bytes]:
        """Which of these marks are of people who opted out."""
        with translated():
            found = self._open().execute(self._sql["read_opted_out"], {"mark": octets(marks)})
            return frozenset(mark for (mark,) in found)

    def waiting(self, after: Place, limit: int) -> list[ParkedRow]:
        """Parked hints behind a place, the oldest first."""
        with translated():
            found = self._open().execute(self._sql["waiting"], after._asdict() | {"limit": limit})
            return [ParkedRow(*row) for row in found]

    def count_waiting(self) -> int:
        """How many hints are parked."""
        with translated():
            [(count,)] = self._open().execute(self._sql["count_waiting"]).fetchall()
        return int(count)


def place_of(row: ParkedRow) -> Place:
    """Where a parked hint stands."""
    return Place(row.log_time, row.source, row.person_id, row.event_id)
