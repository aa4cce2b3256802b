"""What one change makes of one employment (law L4)."""

from typing import Final

from consumers.engine.evidence import remember
from consumers.engine.register import Register
from consumers.engine.state import JOB_FIELDS, PERSON_FIELDS, Employment, job_of, who_of
from schemas.events import Movement, Person, PersonChange

NOBODY: Final = Register.empty(len(PERSON_FIELDS))
NO_JOB: Final = Register.empty(len(JOB_FIELDS))


def employ(before: Employment | None, change: PersonChange, person: Person, stamp: str) -> tuple[Employment, bool]:
    """The employment after a change, and whether any value of it is another one than before."""
    old_who, old_job = (before.who, before.job) if before else (NOBODY, NO_JOB)
    said = who_of(person)
    who, who_news = old_who.join(said, stamp)
    job, job_news = old_job.join(job_of(change.movement, person, change.other_company), stamp)
    joined_at = before.joined_at if before else None
    if change.movement is Movement.JOINED:
        joined_at = change.occurred_at if joined_at is None else max(joined_at, change.occurred_at)
    if before is None:
        return Employment(person.id, who, job, joined_at, change.occurred_at), who_news or job_news
    first_seen_at = min(before.first_seen_at, change.occurred_at)
    evidence = remember(before.evidence, before.who, who, said, stamp)
    # An address of long ago that is told late may be what makes two ids one person; and of a person with several ids a
    # value that is old under this one, said anew, may win over what was said under another.
    moved = before.canonical_id is not None and (who is not before.who or job is not before.job)
    news = who_news or job_news or moved or evidence != before.evidence
    return Employment(person.id, who, job, joined_at, first_seen_at, evidence, before.canonical_id), news
