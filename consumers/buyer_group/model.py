"""People, companies and members as the buyer group sees them, and the enumerations they are told in."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from schemas.values import value_class


class Seniority(StrEnum):
    """Levels, the highest first: LinkedIn's ten with `cxo` spelled `c_level`, and Apollo's `head`."""

    OWNER = "owner"
    C_LEVEL = "c_level"
    PARTNER = "partner"
    VP = "vp"
    HEAD = "head"
    DIRECTOR = "director"
    MANAGER = "manager"
    SENIOR = "senior"
    ENTRY = "entry"
    TRAINING = "training"
    UNPAID = "unpaid"


class Function(StrEnum):
    """What a person works on; `administrative` is apart, because a gatekeeper is no decision maker."""

    EXECUTIVE = "executive"
    SALES = "sales"
    MARKETING = "marketing"
    FINANCE = "finance"
    IT = "it"
    ENGINEERING = "engineering"
    PRODUCT = "product"
    OPERATIONS = "operations"
    HR = "hr"
    LEGAL = "legal"
    PROCUREMENT = "procurement"
    SUPPORT = "support"
    CUSTOMER_SUCCESS = "customer_success"
    DATA = "data"
    SECURITY = "security"
    DESIGN = "design"
    RESEARCH = "research"
    ADMINISTRATIVE = "administrative"
    OTHER = "other"


class Role(StrEnum):
    """What a member is in a purchase, in the order in which a seller reads the group."""

    DECISION_MAKER = "decision_maker"
    CHAMPION = "champion"
    STAKEHOLDER = "stakeholder"
    BLOCKER = "blocker"
    INTRODUCER = "introducer"


RANK: Final[Mapping[str, int]] = MappingProxyType({level: rank for rank, level in enumerate(Seniority)})
"""By level; 0 is the highest."""
_ROLE_RANK: Final[Mapping[str, int]] = {role: rank for rank, role in enumerate(Role)}


class Employee(NamedTuple):
    """A person who works at the company now; `seniority` and `department` are the provider's own words."""

    person_id: str
    name: str | None = None
    title: str | None = None
    seniority: str | None = None
    department: str | None = None
    email: str | None = None
    linkedin_url: str | None = None
    country: str | None = None


@value_class(frozen=True, slots=True)
class CompanyFacts:
    """What is known of the company."""

    company_id: str
    name: str | None = None
    domain: str | None = None
    industry: str | None = None
    employee_count: int | None = None


class Member(NamedTuple):
    """One person in one role; the fields stand in the order of the columns of `db.rows.MemberRow`.

    Attributes:
        role: one of the five.
        score: 0 to 100, how much the person weighs in a purchase.
        why: the rule and the facts behind it, one sentence for a seller.
        rule: the id of the rule that put them there (docs/workspaces.md).
        own_role: the workspace's own name for the role; None if it has none that fits.
        set_by: who chose the role; None: a rule did.
        confidence: 0 to 100, how sure the title is read; 100 where somebody chose.
    """

    person_id: str
    role: str
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int
    why: str
    rule: str
    own_role: str | None = None
    set_by: str | None = None
    confidence: int = 0


@value_class(frozen=True, slots=True)
class Choice:
    """The role that somebody chose for a person, whatever the rules say.

    Attributes:
        role: one of the five, or a workspace's own; several are divided by commas.
    """

    role: str
    set_by: str | None


NO_CHOICES: Final[Mapping[str, Choice]] = MappingProxyType({})


def group_order(member: Member) -> tuple[int, int, str]:
    """Sort key of members: role, then weight, then person id."""
    return (_ROLE_RANK[member.role], -member.score, member.person_id)
