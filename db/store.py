"""The consumer's store: reads a batch's companies, writes a batch's effects in one transaction.

It belongs to one thread. Reads need no transaction: a write says which revision of a company it was computed from, and
fails if that is no longer the one in the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import psycopg

from db.arrays import columns, integers, octets, texts
from db.erasure import MarkKey, MessageRow, PlaceRow, ToldTogetherRow
from db.errors import PositionMovedError, StaleCompanyError, translated
from db.rows import (
    BatchWrites,
    ChoiceRow,
    CompanyRow,
    DeadLetterRow,
    EmploymentRow,
    EventKey,
    EventRow,
    GroupChangeRow,
    GroupRow,
    HeadHistoryRow,
    MemberHistoryRow,
    MemberKey,
    MemberRow,
    OperationRow,
    OutboxRow,
    PolicyRow,
    PositionAdvance,
    PositionRow,
    RedeliveryRow,
    RefreshRow,
    SeenRow,
)
from db.session import Session

_Row = TypeVar("_Row", ChoiceRow, CompanyRow, EmploymentRow, GroupRow, MemberRow, PolicyRow, SeenRow)
NO_POLICIES: Final = 2**62
"""Greater than the number of any policy version."""


class Store(Session):
    """What a consumer reads and writes."""

    queries = ("store", "erasure")

    def positions(self, topic: str, partitions: Sequence[int]) -> dict[int, PositionRow]:
        """Where these partitions are, by partition; one that was never read is at offset 0.

        Raises:
            RetryableDatabaseError: the database is away.
        """
        wanted = {"topic": topic, "kafka_partition": integers(sorted(partitions))}
        with translated():
            self._open().execute(self._sql["open_positions"], wanted)
            rows = self._open().execute(self._sql["read_positions"], wanted).fetchall()
        return {row[0]: PositionRow(*row) for row in rows}

    def next_due(self, partitions: Sequence[int]) -> dict[int, int]:
        """When the earliest trailing refresh of each partition is due, ms; partitions without one are left out."""
        with translated():
            query = self._sql["read_next_due"]
            return dict(self._open().execute(query, {"kafka_partition": integers(partitions)}).fetchall())

    def oldest_pending(self, partitions: Sequence[int]) -> int | None:
        """Log time of the oldest change on these partitions that no refresh covers, ms; None when all are covered."""
        with translated():
            query = self._sql["read_oldest_pending"]
            [(oldest,)] = self._open().execute(query, {"kafka_partition": integers(partitions)}).fetchall()
        return None if oldest is None else int(oldest)

    def prune(self, topic: str, partitions: Sequence[int], older_ms: int, limit: int) -> int:
        """Delete from the inbox what was read on these partitions so long before their log time.

        Args:
            topic: the log.
            partitions: of which.
            older_ms: the age, in log time.
            limit: at most so many rows, of each partition the oldest first.

        Returns:
            How many rows; with less than the limit, nothing that old is left but what somebody else holds now.
        """
        wanted = {"topic": topic, "kafka_partition": integers(partitions), "older_ms": older_ms, "limit": limit}
        with translated():
            return self._open().execute(self._sql["prune_inbox"], wanted).rowcount

    def due(self, clocks: Mapping[int, int], limit: int) -> list[str]:
        """Companies whose trailing refresh is due.

        Args:
            clocks: log time by partition, ms.
            limit: at most so many, the earliest first.
        """
        wanted = {"kafka_partition": integers([*clocks]), "log_time": integers([*clocks.values()]), "limit": limit}
        with translated():
            return [row[0] for row in self._open().execute(self._sql["read_due"], wanted).fetchall()]

    def companies(self, ids: Iterable[str], keys: Sequence[EventKey], policies_after: int = NO_POLICIES) -> "Known":
        """Companies by id, which of these changes are in the inbox, roles chosen there, new policies; one round trip.

        Args:
            ids: of companies.
            keys: of changes.
            policies_after: the number of the last policy version that is known; `NO_POLICIES`: none are wanted.
        """
        connection = self._open()
        with translated():
            with connection.pipeline():
                rows = connection.execute(self._sql["read_companies"], {"company_id": texts([*ids])})
                seen = connection.execute(self._sql["read_inbox"], columns(EventKey, keys))
                policies = connection.execute(self._sql["read_policies"], {"number": policies_after})
                choices = connection.execute(self._sql["read_choices"], {"company_id": texts([*ids])})
            return Known(
                _rows(CompanyRow, rows),
                _rows(SeenRow, seen),
                _rows(PolicyRow, policies),
                _rows(ChoiceRow, choices),
            )

    def policies(self) -> list[PolicyRow]:
        """All policy versions, in order."""
        return self.companies([], [], 0).policies

    def rosters(self, whole: Sequence[str], some: Sequence[tuple[str, str]], marks: Iterable[bytes] = ()) -> "Rosters":
        """The people and groups of companies, and who has opted out; one round trip.

        Args:
            whole: companies of which everybody and the groups are wanted.
            some: (company id, person id) of people wanted of other companies.
            marks: of people who may have opted out.
        """
        ids, connection = {"company_id": texts(whole)}, self._open()
        pairs = {"company_id": texts([c for c, _ in some]), "person_id": texts([p for _, p in some])}
        asked = {"mark": octets([*marks])}
        with translated():
            with connection.pipeline():
                # Counted first: an opt-out that comes in between is known without being counted, never the other way.
                count = connection.execute(self._sql["read_count"])
                gone = connection.execute(self._sql["read_opted_out"], asked) if marks else None
                everybody = connection.execute(self._sql["read_rosters"], ids)
                people = connection.execute(self._sql["read_people"], pairs)
                groups = connection.execute(self._sql["read_groups"], ids)
                members = connection.execute(self._sql["read_members"], ids)
            return Rosters(
                _rows(EmploymentRow, everybody) + _rows(EmploymentRow, people),
                _rows(GroupRow, groups),
                _rows(MemberRow, members),
                count.fetchall()[0][0],
                frozenset(mark for (mark,) in gone.fetchall()) if gone is not None else frozenset(),
            )

    def opted_out(self, marks: Iterable[bytes]) -> frozenset[bytes]:
        """Which of these marks are of people who opted out."""
        with translated():
            found = self._open().execute(self._sql["read_opted_out"], {"mark": octets([*marks])})
            return frozenset(mark for (mark,) in found.fetchall())

    def opt_out_places(self, keys: Sequence[MarkKey]) -> list[PlaceRow]:
        """From where on these companies' changes with these marks are ignored."""
        with translated():
            found = self._open().execute(self._sql["read_places"], columns(MarkKey, keys))
            return list(map(PlaceRow._make, found.fetchall()))

    def opt_out_key_ids(self, after: int) -> set[bytes]:
        """With which keys the marks of people who opted out were made, of those newer than this number."""
        with translated():
            found = self._open().execute(self._sql["read_key_ids"], {"number": after}).fetchall()
        return {key_id for (key_id,) in found}

    def outbox(self, company_ids: Iterable[str]) -> list[MessageRow]:
        """What waits to be told of companies."""
        with translated():
            found = self._open().execute(self._sql["read_outbox"], {"company_id": texts([*company_ids])})
            return list(map(MessageRow._make, found.fetchall()))

    def told_together(self, company_ids: Iterable[str]) -> list[ToldTogetherRow]:
        """Of whom the messages that wait tell under somebody else's id."""
        with translated():
            found = self._open().execute(self._sql["read_told_together"], {"company_id": texts([*company_ids])})
            return list(map(ToldTogetherRow._make, found.fetchall()))

    def write(self, batch: BatchWrites) -> None:
        """All effects of a batch, or none.

        Raises:
            PositionMovedError: somebody else advanced one of the partitions.
            StaleCompanyError: somebody else wrote one of the companies or changes since they were read, or somebody has
                opted out.
            RetryableDatabaseError: the database is away or refused for a time; nothing was written, or, when the
                connection broke during the commit itself, all of it was: the position tells.
        """
        connection = self._open()
        done: list[tuple[psycopg.Cursor[Any], int | None, type[Exception]]] = []
        with translated(), connection.transaction():
            try:
                with connection.pipeline():
                    for name, params, count, error in _statements(batch):
                        done.append((connection.execute(self._sql[name], params), count, error))
            finally:
                # Also when a later statement failed: rows that somebody else wrote first are in its way.
                _check(done)


def _rows(kind: type[_Row], cursor: psycopg.Cursor[Any]) -> list[_Row]:
    """All rows of a result; fetched at once, and made without a call of Python's a row, as there are thousands."""
    rows = cursor.fetchall()
    if rows:
        kind._make(rows[0])  # holds the number of columns against the class, which the others then have too
    return list(map(partial(tuple.__new__, kind), rows))


def _check(done: Sequence[tuple[psycopg.Cursor[Any], int | None, type[Exception]]]) -> None:
    """Hold what statements did against what they should have done; -1 is a statement that was not reached."""
    for cursor, count, error in done:
        if count is not None and cursor.rowcount not in (count, -1):
            raise error(f"{cursor.rowcount} of {count} rows were still as they had been read")


class Known(NamedTuple):
    """What `Store.companies` read."""

    companies: list[CompanyRow]
    seen: list[SeenRow]
    policies: list[PolicyRow]
    choices: list[ChoiceRow]


class Rosters(NamedTuple):
    """What `Store.rosters` read.

    Attributes:
        opt_outs: the number of the latest opt-out; 0 when nobody has opted out.
        opted_out: the marks of those who have, among those that were asked for.
    """

    employments: list[EmploymentRow]
    groups: list[GroupRow]
    members: list[MemberRow]
    opt_outs: int = 0
    opted_out: frozenset[bytes] = frozenset()


Statement = tuple[str, dict[str, Any], int | None, type[Exception]]


def _statements(batch: BatchWrites) -> Iterable[Statement]:
    """The statements of a batch: name, parameters, rows that must be hit (None: any), the error if they are not."""
    erasures = batch.erasures
    if erasures.opt_outs:
        yield "lock_commits", {}, None, RuntimeError
    yield (
        "advance_positions",
        columns(PositionAdvance, batch.positions) | {"topic": batch.topic},
        len(batch.positions),
        PositionMovedError,
    )
    if erasures.number is not None:
        yield "find_newer", {"number": erasures.number}, 0, StaleCompanyError
    new = [row for row in batch.companies if row.revision_before == 0]
    old = [row for row in batch.companies if row.revision_before != 0]
    checked: list[tuple[str, type[NamedTuple], Sequence[NamedTuple]]] = [
        ("insert_companies", CompanyRow, new),
        ("update_companies", CompanyRow, old),
        ("insert_events", EventRow, batch.events),
    ]
    for name, kind, rows in checked:
        if rows:
            parameters = columns(kind, rows) | {"remembered_ms": batch.remembered_ms}
            yield name, parameters, len(rows), StaleCompanyError
    plain: list[tuple[str, type[NamedTuple], Sequence[NamedTuple]]] = [
        ("count_redeliveries", RedeliveryRow, batch.redeliveries),
        ("write_choices", ChoiceRow, batch.choices),
        ("insert_refreshes", RefreshRow, batch.refreshes),
        ("insert_operations", OperationRow, batch.operations),
        ("write_groups", GroupRow, batch.groups),
        ("delete_members", MemberKey, batch.removed_members),
        ("write_members", MemberRow, batch.members),
        ("insert_changes", GroupChangeRow, batch.changes),
        ("insert_past_heads", HeadHistoryRow, batch.past_heads),
        ("insert_past_members", MemberHistoryRow, batch.past_members),
        ("insert_outbox", OutboxRow, batch.outbox),
    ]
    if batch.employments:
        people = columns(EmploymentRow, batch.employments)
        yield "write_people", people, None, RuntimeError
        yield "write_employments", people, None, RuntimeError
    for name, kind, rows in plain:
        if rows:
            yield name, columns(kind, rows), None, RuntimeError
    if batch.dead_letters:
        letters = columns(DeadLetterRow, batch.dead_letters) | {"topic": batch.topic}
        yield "insert_dead_letters", letters, None, RuntimeError
    for name, parameters in erasures.statements():
        yield name, parameters, None, RuntimeError
