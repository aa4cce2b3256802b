"""The step that writes: what a pipeline knows of people goes into the log, like all that changes a group (law L6)."""

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from consumers.steps.errors import InvalidInputError, NotCoveredError
from consumers.steps.groups import read_group
from consumers.steps.models import PersonFacts, SavedGroup, SaveInput
from consumers.steps.step import Run, Step
from db.steps import OutcomeRow
from schemas.events import ChangeType, Company, InvalidChangeError, Movement, Person, PersonChange, validate_change

_LOOK_SECONDS: Final = 0.1


def _save(given: SaveInput, run: Run) -> SavedGroup:
    try:
        changes = [_change(given, person, run) for person in given.people]
    except InvalidChangeError as error:
        raise InvalidInputError(f"save_buyer_group: {error}") from error
    _append(changes, run)
    outcomes = _applied(given.company.company_id, [change.event_id for change in changes], run)
    covered_at = _covered_at(given.company.company_id, outcomes, run)
    return SavedGroup(
        status="covered" if covered_at is None else "deferred",
        covered_at=covered_at,
        outcomes=dict(sorted(Counter(row.outcome for row in outcomes).items())),
        group=read_group(given.company.company_id, given.workspace_id, run.context),
    )


def _change(given: SaveInput, person: PersonFacts, run: Run) -> PersonChange:
    """The same change in every attempt: the consumer knows it by its id, and gives it one effect (law L2)."""
    at = run.first_at if given.observed_at is None else given.observed_at
    said = given.company
    return validate_change(
        PersonChange(
            event_id=hashlib.blake2b(f"{run.name}\x1f{person.person_id}".encode(), digest_size=16).hexdigest(),
            source=run.context.source,
            type=ChangeType.ROLE_CHANGE if person.present else ChangeType.COMPANY_CHANGE,
            occurred_at=at,
            received_at=run.first_at,
            company=Company(said.company_id, said.company_name, said.domain, said.industry, said.employee_count),
            movement=Movement.NONE if person.present else Movement.LEFT,
            person=Person(**person.model_dump(exclude={"person_id", "present"}), id=person.person_id),
        )
    )


def _append(changes: Sequence[PersonChange], run: Run) -> None:
    from schemas.appender import Appender, NotAppendedError  # noqa: PLC0415  # Kafka's client, which the other steps do without
    from schemas.outgoing import outgoing  # noqa: PLC0415

    settings = run.context.settings
    appender = Appender(settings, run.context.source, run.context.wait_seconds)
    try:
        appender.append(outgoing(change, settings) for change in changes)
    except NotAppendedError as error:
        raise NotCoveredError(f"the log did not take all changes: {error}; call again") from error


def _applied(company_id: str, event_ids: Sequence[str], run: Run) -> list[OutcomeRow]:
    """What became of the changes, once all of them were applied."""
    deadline = time.monotonic() + run.context.wait_seconds
    while True:
        found = run.context.reads.outcomes(company_id, run.context.source, event_ids)
        if len(found) == len(event_ids):
            return found
        if time.monotonic() > deadline:
            raise NotCoveredError(
                f"{len(found)} of {len(event_ids)} changes of {company_id} were applied in "
                f"{run.context.wait_seconds:g} s; all are in the log. See `person-changes status` for consumers and "
                f"`person-changes dead-letters list --company {company_id}` for refusals, then call again"
            )
        time.sleep(_LOOK_SECONDS)


def _covered_at(company_id: str, outcomes: Sequence[OutcomeRow], run: Run) -> int | None:
    """When a refresh will cover all of it; None when one has."""
    last, due = run.context.reads.refreshes(company_id)
    times = [row.refresh_due_at for row in outcomes if row.outcome == "deferred"]
    if any(row.outcome not in ("deferred", "refreshed") for row in outcomes):
        times.append(due)  # it is no news, so it was said before: then whatever is due covers it at the latest
    return max((time for time in times if time is not None and time > (last or 0)), default=None)


save_buyer_group: Final = Step("save_buyer_group", SaveInput, SavedGroup, lambda given: given.company.company_id, _save)
"""Tell the log what is known of people of a company, and wait until it is applied."""
