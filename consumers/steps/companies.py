"""Steps about companies: hold an input to be one, and find out which of ours it is."""

import hashlib
from typing import Final, Literal

from consumers.steps.models import CompanyInput, CompanyRef, ResolvedCompany, ValidCompany
from consumers.steps.step import Run, Step
from db.steps import CompanyFactsRow
from schemas.events import MAX_ID_BYTES


def _validate(given: CompanyInput, _: Run) -> ValidCompany:
    return ValidCompany(
        company_id=given.company_id,
        source=given.source,
        their_id=given.their_id,
        company_name=_tidy(given.company_name),
        domain=given.domain or given.website,
        industry=_tidy(given.industry),
        employee_count=given.employee_count,
    )


def _tidy(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text is not None else None


def _resolve(given: ValidCompany, run: Run) -> ResolvedCompany:
    company_id, found_by = _which(given, run)
    if company_id is None:
        return ResolvedCompany(company=None, found_by=found_by, known=False)
    row = run.context.reads.company(company_id)
    known = row or CompanyFactsRow(None, None, None, None)
    company = CompanyRef(
        company_id=company_id,
        company_name=given.company_name or known.name,
        domain=given.domain or known.domain,
        industry=given.industry or known.industry,
        employee_count=known.employee_count if given.employee_count is None else given.employee_count,
    )
    return ResolvedCompany(company=company, found_by=found_by, known=row is not None)


def _which(given: ValidCompany, run: Run) -> tuple[str | None, Literal["company_id", "their_id", "domain", "nothing"]]:
    """By id, then by domain; never by name, for names are not unique."""
    if given.company_id is not None:
        return given.company_id, "company_id"
    aliases = run.context.reads.aliases(given.source, given.their_id, given.domain)
    if "id" in aliases:
        return aliases["id"], "their_id"
    if "domain" in aliases:
        return aliases["domain"], "domain"
    if given.source is not None:
        return f"{given.source}:{given.their_id}", "their_id"  # as ingress names a company that nobody has linked yet
    return None, "nothing"


def _about(given: CompanyInput | ValidCompany) -> str:
    """Our id, or what is said instead of one; too long, its hash."""
    if given.company_id is not None:
        return given.company_id
    said = f"{given.source}:{given.their_id}" if given.source else given.domain or given.company_name
    text = f"~{said or (given.website if isinstance(given, CompanyInput) else None)}"
    return text if len(text.encode()) <= MAX_ID_BYTES else f"~{hashlib.sha256(text.encode()).hexdigest()}"


validate_company_input: Final = Step("validate_company_input", CompanyInput, ValidCompany, _about, _validate)
"""Hold what is said of a company against the contract, and bring it into one spelling; pure."""
resolve_company: Final = Step("resolve_company", ValidCompany, ResolvedCompany, _about, _resolve)
"""Find out which company of ours it is, and what is known of it."""
