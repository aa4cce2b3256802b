# ruff: noqa: PLC0415 -- what reads the database is loaded inside, so that --help starts fast
"""What commands read of one company: its state, with its whole roster."""

from typing import TYPE_CHECKING

from cli.failures import CommandError

if TYPE_CHECKING:
    from consumers.engine.state import CompanyState
    from db.store import Store


def read_state(store: "Store", company_id: str) -> "CompanyState | None":
    """A company with its whole roster; None when nothing was ever said of it."""
    from consumers.runtime.rows import company_state

    known = store.companies([company_id], [])
    if not known.companies:
        return None
    employments = store.rosters([company_id], []).employments
    return company_state(known.companies[0], employments, whole=True, seen={}, choices=known.choices)


def known_state(store: "Store", company_id: str) -> "CompanyState":
    """The same.

    Raises:
        CommandError: nothing was ever said of it.
    """
    if (state := read_state(store, company_id)) is None:
        raise CommandError(
            f"company {company_id} is not known: no change of it was applied yet, or the id is another one"
        )
    return state
