"""Between the engine's values and the store's rows. Pure."""

from collections.abc import Iterable, Mapping

from consumers.buyer_group import CompanyFacts, Employee, read_employee
from consumers.engine.evidence import Evidence
from consumers.engine.register import NEVER, Register
from consumers.engine.state import Choice, CompanyState, Employment, Identity
from db.rows import ChoiceRow, CompanyRow, EmploymentRow
from schemas.values import maker

_register, _employed, _employee = maker(Register), maker(Employment), maker(Employee)
_employment_row = maker(EmploymentRow)


def company_state(
    row: CompanyRow,
    people: Iterable[EmploymentRow],
    whole: bool,
    seen: Mapping[Identity, int],
    choices: Iterable[ChoiceRow] = (),
) -> CompanyState:
    """The state of a company that is in the database."""
    return CompanyState(
        company_id=row.company_id,
        facts=Register(
            (row.name, row.domain, row.industry, row.employee_count),
            _stamps(row.name_stamp, row.domain_stamp, row.industry_stamp, row.employee_count_stamp),
        ),
        revision=row.revision,
        last_refresh_at=row.last_refresh_at,
        refresh_due_at=row.refresh_due_at,
        pending_since=row.pending_since,
        pending_count=row.pending_count,
        pending_events=tuple(row.pending_events),
        roster={person.person_id: _employment(person) for person in people},
        roster_complete=whole,
        seen=seen,
        choices={(row.workspace_id, row.person_id): Choice(*row[1:]) for row in choices},
    )


def company_row(state: CompanyState, revision_before: int, partition: int) -> CompanyRow:
    """The row of a company after a fold."""
    name, domain, industry, employee_count = state.facts.values
    return CompanyRow(
        state.company_id,
        name,  # type: ignore[arg-type]  # a field has one type for ever: FACT_FIELDS
        state.facts.stamps[0] or None,
        domain,  # type: ignore[arg-type]
        state.facts.stamps[1] or None,
        industry,  # type: ignore[arg-type]
        state.facts.stamps[2] or None,
        employee_count,  # type: ignore[arg-type]
        state.facts.stamps[3] or None,
        state.last_refresh_at,
        state.refresh_due_at,
        state.pending_since,
        state.pending_count,
        state.pending_events,
        state.revision,
        revision_before,
        partition,
    )


def employment_row(company_id: str, person: Employment) -> EmploymentRow:
    """The row of a person at a company, with what their title reads as."""
    # Without the company's industry: when that changes, nobody's row is written, and rows would tell the batches apart.
    reading = read_employee(employee(person))
    # The engine keeps registers in the order of the row's columns: PERSON_FIELDS and JOB_FIELDS.
    return _employment_row(
        (
            company_id,
            person.person_id,
            *person.who.values,
            *person.who.stamps,
            person.present,
            *person.job.values[1:],
            *person.job.stamps,
            person.joined_at,
            person.first_seen_at,
            reading.seniority,
            reading.function,
            tuple(entry.text() for entry in person.evidence),
            person.canonical_id,
        )
    )


def employee(person: Employment) -> Employee:
    """A person at a company as the buyer group sees them."""
    name, email, linkedin_url, country = person.who.values
    _, title, department, seniority, _ = person.job.values
    return _employee((person.person_id, name, title, seniority, department, email, linkedin_url, country))


def company_facts(company_id: str, facts: Register) -> CompanyFacts:
    """A company as the buyer group sees it."""
    name, domain, industry, employee_count = facts.values
    return CompanyFacts(company_id, name, domain, industry, employee_count)  # type: ignore[arg-type]  # FACT_FIELDS


def _employment(row: EmploymentRow) -> Employment:
    # Slices, because a roster is read for each refresh: the columns stand in the order of PERSON_FIELDS and JOB_FIELDS.
    who, job = _register((row[2:6], row[6:10])), _register((row[10:15], row[15:20]))
    evidence = tuple(map(Evidence.parse, row.evidence)) if row.evidence else ()
    return _employed((row[1], who, job, row[20], row[21], evidence, row[25]))


def _stamps(a: str | None, b: str | None, c: str | None, d: str | None) -> tuple[str, ...]:
    return (a or NEVER, b or NEVER, c or NEVER, d or NEVER)
