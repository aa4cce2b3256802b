"""The pure core: one company's changes, in log order, become a new state, outcomes and refreshes.

No I/O, no clock, no randomness: the same log gives the same effects, however it is cut into batches (law L6).
"""

from collections.abc import Sequence
from typing import Final

from consumers.engine.employ import NO_JOB, NOBODY, employ
from consumers.engine.erasure import (
    NAMED,
    MarksOf,
    erasure_of,
    mentions,
    others,
    plain_marks,
    unnamed,
    without_names,
)
from consumers.engine.evidence import OTHER, SAME, judge
from consumers.engine.identity import made_of, persons, resolve
from consumers.engine.memory import Memory
from consumers.engine.register import stamp_of
from consumers.engine.state import (
    PENDING_EVENTS_KEPT,
    Cause,
    Choice,
    ChoiceKey,
    CompanyState,
    DeadLettered,
    Deferred,
    Delivery,
    Duplicate,
    Employment,
    Erasure,
    Folded,
    Ignored,
    Outcome,
    Refresh,
    Refreshed,
    Superseded,
    counting,
    facts_of,
)
from schemas.events import (
    DEFAULT_WORKSPACE,
    IDENTITY_TYPES,
    PERSON_TYPES,
    ChangeType,
    Company,
    Person,
    PersonChange,
    canonical_type,
    other_person_id,
)


class IncompleteRosterError(Exception):
    """A refresh would have been computed from part of a roster: a bug in what was loaded."""


_Identified = tuple[tuple[Employment, ...], dict[str, tuple[str, ...]], dict[str, tuple[str, str]], dict[str, Company]]
REFUSED: Final = "its person has opted out"


def fold(
    state: CompanyState,
    deliveries: Sequence[Delivery],
    until: int,
    interval_ms: int,
    marks_of: MarksOf = plain_marks,
    remembered_ms: int | None = None,
) -> Folded:
    """Apply a company's deliveries in order, then fire what is due by `until`.

    Args:
        state: the company before, with the roster complete if `may_refresh`.
        deliveries: in offset order, with log times that never go back.
        until: the partition's log time after the batch, ms.
        interval_ms: the least time between two refreshes of a company (law L5).
        marks_of: what people are known by once they have opted out.
        remembered_ms: for how long a change that comes again is a duplicate; None: for ever.

    Raises:
        IncompleteRosterError: a refresh is needed, but only part of the roster is here.
    """
    folding = _Folding(state, interval_ms, marks_of, Memory(state.seen, remembered_ms))
    for delivery in deliveries:
        folding.take(delivery)
    folding.fire_due(until)
    return folding.folded()


class _Folding:
    """A company while it is being folded: its state with every field at hand, so that a change costs no copy of it."""

    def __init__(self, state: CompanyState, interval_ms: int, marks_of: MarksOf, memory: Memory) -> None:
        self._state, self._interval, self._marks_of, self._memory = state, interval_ms, marks_of, memory
        self._facts, self._revision = state.facts, state.revision
        self._last_refresh_at, self._refresh_due_at = state.last_refresh_at, state.refresh_due_at
        self._pending_since, self._pending_count = state.pending_since, state.pending_count
        self._pending_events = [*state.pending_events]
        self._roster, self._outcomes = dict(state.roster), list[tuple[Delivery, Outcome]]()
        self._refreshes: list[Refresh] = []
        self._touched: set[str] = set()
        self._choices, self._chosen = dict(state.choices), set[ChoiceKey]()
        self._erasures, self._refused, self._erased = list[Erasure](), set[bytes](), set[str]()

    def take(self, delivery: Delivery) -> None:
        """One delivery. What is due by its time comes first: the refresh at 14:00 does not know the change of 14:05."""
        self.fire_due(delivery.log_time)
        if self._refuses(delivery) or delivery.change.type == ChangeType.OPTED_OUT:
            delivery = unnamed(delivery)
        self._outcomes.append((delivery, self._outcome(delivery)))

    def fire_due(self, log_time: int) -> None:
        """The trailing refresh, at its due time, if log time has come that far."""
        due = self._refresh_due_at
        if due is not None and due <= log_time:
            self._refresh(due, "trailing", None)

    def folded(self) -> Folded:
        """The result so far."""
        state = CompanyState(
            self._state.company_id,
            self._facts,
            self._revision,
            self._last_refresh_at,
            self._refresh_due_at,
            self._pending_since,
            self._pending_count,
            tuple(self._pending_events),
            self._roster,
            self._state.roster_complete,
            self._memory.seen,
            self._choices,
        )
        touched, chosen, erasures = frozenset(self._touched), frozenset(self._chosen), tuple(self._erasures)
        return Folded(state, tuple(self._outcomes), tuple(self._refreshes), touched, chosen, erasures)

    def _outcome(self, delivery: Delivery) -> Outcome:
        identity = delivery.identity
        if self._memory.has(identity, delivery.log_time):
            return Duplicate()
        try:
            effect = self._effect(delivery)
        except Exception as error:  # noqa: BLE001  # whatever a change makes the core raise must not hold up the others
            return DeadLettered(f"{type(error).__name__}: {error}")
        self._memory.add(identity, delivery.log_time)
        return effect if isinstance(effect, Superseded | Ignored) else self._limit(delivery, effect)

    def _effect(self, delivery: Delivery) -> Cause | Superseded | Ignored:
        if delivery.change.type == ChangeType.OPTED_OUT:
            return self._erase(delivery)
        return Ignored(REFUSED) if self._refuses(delivery) else self._apply(delivery.change)

    def _apply(self, change: PersonChange) -> Cause | Superseded | Ignored:
        """The change on the roster. Nothing is assigned before all that can raise is done."""
        kind = canonical_type(change.type)
        if kind == ChangeType.REFRESH_REQUESTED:
            self._learn(change, None)
            return "requested"
        if kind == ChangeType.ROLE_SET:
            return self._choose(change)
        if kind in IDENTITY_TYPES and change.person is not None:
            news = self._judge(change, change.person.id)
            return "change" if news else Superseded("it was known, or something newer was said of the two")
        if kind not in PERSON_TYPES:
            return Ignored(f"type {change.type} says nothing about a roster")
        if self._learn(change, change.person):
            return "change"
        return Superseded("all that it says was known, or something newer was")

    def _choose(self, change: PersonChange) -> Cause | Superseded | Ignored:
        """A user's own choice of role: it says nothing of whether the person works here, and needs no policy."""
        if change.person is None:
            return Ignored("a role was set, but for nobody")
        workspace_id = change.workspace_id or DEFAULT_WORKSPACE
        role = (change.role or "").strip() or None
        choice = Choice(workspace_id, change.person.id, role, change.requested_by, stamp_of(change))
        self._learn(change, None)
        key = (workspace_id, choice.person_id)
        before = self._choices.get(key)
        if before is not None and not choice.follows(before):
            return Superseded("somebody has chosen another role since")
        self._choices[key] = choice
        self._chosen.add(key)
        self._revision += 1
        if (before.role if before else None) == role:
            return Superseded("the role was set so already" if role else "no role was set")
        return "change"

    def _refuses(self, delivery: Delivery) -> bool:
        """Whether its person has opted out, before this batch or in it."""
        return delivery.refused or not self._refused.isdisjoint(delivery.marks)

    def _erase(self, delivery: Delivery) -> Cause | Superseded:
        """Nobody whom the opt-out means is here any more, and nothing that this company has names them."""
        erasure = erasure_of(delivery, self._roster, self._marks_of)
        ids, before = frozenset(erasure.person_ids), len(self._roster)
        self._roster, changed = others(self._roster, ids)
        gone = len(self._roster) < before
        self._touched = (self._touched - ids) | changed
        self._erasures.append(erasure)
        self._erased |= ids.union(erasure.known_as)
        self._refused |= erasure.marks
        self._forget(erasure.names)
        unchosen = [self._choices.pop(key) for key in [*self._choices] if key[1] in ids]
        self._chosen = {key for key in self._chosen if key[1] not in ids}
        self._revision += gone or bool(changed or unchosen)
        return "change" if gone else Superseded("nobody here to erase")

    def _forget(self, names: tuple[str, ...]) -> None:
        """Events that are remembered by an id which names somebody are remembered without it."""
        facts = without_names(self._facts, names)
        pending = [NAMED if mentions(event_id, names) else event_id for event_id in self._pending_events]
        self._revision += (facts, pending) != (self._facts, self._pending_events)
        self._facts, self._pending_events = facts, pending
        self._memory.forget(lambda event_id: mentions(event_id, names))

    def _learn(self, change: PersonChange, person: Person | None) -> bool:
        """Join what the change says into facts and roster; whether any of it is news."""
        stamp = stamp_of(change)
        facts, news = self._facts.join(facts_of(change.company), stamp)
        changed = facts is not self._facts
        if person is not None:
            before = self._roster.get(person.id)
            employment, personal_news = employ(before, change, person, stamp)
            if employment != before:
                self._roster[person.id] = employment
                self._touched.add(person.id)
                changed = True
            news = news or personal_news
        self._facts = facts
        self._revision += changed
        return news

    def _judge(self, change: PersonChange, person_id: str) -> bool:
        """Two ids are one person, or two; whether that is news.

        It is kept with the person whom the change names, because only they are loaded for sure.
        """
        other = other_person_id(change)
        facts_news = self._learn(change, None)
        before = self._roster.get(person_id)
        known = before or Employment(person_id, NOBODY, NO_JOB, None, change.occurred_at)
        verdict = SAME if change.type == ChangeType.MERGED else OTHER
        evidence, news = judge(known.evidence, verdict, other, stamp_of(change))
        employment = known._replace(evidence=evidence, first_seen_at=min(known.first_seen_at, change.occurred_at))
        if employment != before:
            self._roster[person_id] = employment
            self._touched.add(person_id)
            self._revision += 1
        return news or facts_news

    def _limit(self, delivery: Delivery, cause: Cause) -> Refreshed | Deferred:
        """Refresh now, or once when the interval is over (law L5)."""
        now, event_id = delivery.log_time, delivery.change.event_id
        if self._last_refresh_at is None or now >= self._last_refresh_at + self._interval:
            self._refresh(now, cause, event_id)
            return Refreshed(now)
        if self._refresh_due_at is None:
            self._refresh_due_at = self._last_refresh_at + self._interval
        if self._pending_since is None:
            self._pending_since = now
        self._pending_count += 1
        if len(self._pending_events) < PENDING_EVENTS_KEPT:
            self._pending_events.append(event_id)
        self._revision += 1
        return Deferred(self._refresh_due_at)

    def _identify(self) -> _Identified:
        """Everybody present, once, in order, and their ids; whose canonical id is another; where who is gone went."""
        now = resolve(self._roster)
        before = {who: one.canonical_id for who, one in self._roster.items() if one.canonical_id is not None}
        moved = sorted(who for who in {*now, *before} if now.get(who) != before.get(who)) if now != before else ()
        for who in moved:
            self._roster[who] = self._roster[who]._replace(canonical_id=now.get(who))
        self._touched.update(moved)
        everybody = persons(self._roster, now) if now else self._roster
        people = tuple([person for _, person in sorted(everybody.items()) if person.job.values[0] is True])
        gone = everybody.items() if len(people) < len(everybody) else ()
        went_to = {who: where for who, person in gone if (where := person.went_to) is not None}
        ids = made_of(now) if now else {}
        if not moved:
            return people, ids, {}, went_to
        known_as = {who: (before.get(who, who), now.get(who, who)) for who in moved}
        return people, ids, {who: (old, new) for who, (old, new) in known_as.items() if old != new}, went_to

    def _refresh(self, at: int, cause: Cause, event_id: str | None) -> None:
        if not self._state.roster_complete:
            company = self._state.company_id
            raise IncompleteRosterError(f"company {company} must be refreshed, but only part of it is loaded")
        people, ids_of, corrected, went_to = self._identify()
        choices = counting(self._choices, self._roster) if self._choices else ()
        ids = self._pending_events if event_id is None else [*self._pending_events, event_id]
        covered = self._pending_count + (event_id is not None)
        event_ids, erased = tuple(ids[:PENDING_EVENTS_KEPT]), frozenset(self._erased)
        about = (people, corrected, choices, went_to, erased, ids_of)
        self._refreshes.append(Refresh(at, cause, covered, event_ids, self._facts, *about))
        self._erased.clear()
        self._revision += 1
        self._last_refresh_at = at
        self._refresh_due_at = self._pending_since = None
        self._pending_count = 0
        self._pending_events = []
