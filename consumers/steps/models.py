"""What steps take and give: frozen, validated, the same as JSON in the record of a run. Times are integer ms UTC."""

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from consumers.buyer_group import CompanyFacts, Employee, Member
from db.views import MemberView
from schemas.events import MAX_EMPLOYEES, MAX_TIME_MS, InvalidChangeError, check_id, check_text

MAX_PEOPLE: Final = 10_000
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def _checked(check: Callable[[str, str], None], value: str) -> str:
    try:
        check("", value)
    except InvalidChangeError as error:
        raise ValueError(error.reason) from error
    return value


Id = Annotated[str, AfterValidator(partial(_checked, check_id))]
Text = Annotated[str, AfterValidator(partial(_checked, check_text))]
Count = Annotated[int, Field(ge=0, le=MAX_EMPLOYEES)]
Time = Annotated[int, Field(ge=0, le=MAX_TIME_MS)]


def _bare(text: str) -> str:
    host = re.split(r"[/?#]", re.sub(r"^[a-z+]+://", "", text.strip().lower()))[0]
    try:
        domain = host.rpartition("@")[2].partition(":")[0].removeprefix("www.").rstrip(".").encode("idna").decode()
    except UnicodeError:
        domain = ""
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("is no domain, such as example.com")
    return domain


Domain = Annotated[Text, AfterValidator(_bare)]
"""Given as a domain or as an address with one; kept in lower case, without scheme, `www.`, port or path."""


class Value(BaseModel):
    """An input or output of a step."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CompanyInput(Value):
    """A company as a pipeline may know it: by our id, by the id that a source has for it, by domain, or by name only.

    Attributes:
        source: whose id `their_id` is.
        website: counts as the domain where none is given.
    """

    company_id: Id | None = None
    source: Id | None = None
    their_id: Id | None = None
    company_name: Text | None = None
    domain: Domain | None = None
    website: Domain | None = None
    industry: Text | None = None
    employee_count: Count | None = None

    @model_validator(mode="after")
    def _names_a_company(self) -> Self:
        if (self.source is None) != (self.their_id is None):
            raise ValueError("source and their_id belong together")
        named = (self.company_id, self.their_id, self.company_name, self.domain, self.website)
        if not any(value is not None and value.strip() for value in named):
            raise ValueError("name the company by company_id, source and their_id, domain, website or company_name")
        return self


class ValidCompany(Value):
    """The same, in one spelling, with one domain and no blanks around names."""

    company_id: Id | None = None
    source: Id | None = None
    their_id: Id | None = None
    company_name: Text | None = None
    domain: Domain | None = None
    industry: Text | None = None
    employee_count: Count | None = None


class CompanyRef(Value):
    """A company of ours, with what is known of it."""

    company_id: Id
    company_name: Text | None = None
    domain: Text | None = None
    industry: Text | None = None
    employee_count: Count | None = None

    def facts(self) -> CompanyFacts:
        """As the buyer group sees it."""
        return CompanyFacts(self.company_id, self.company_name, self.domain, self.industry, self.employee_count)


class ResolvedCompany(Value):
    """Which company of ours it is.

    Attributes:
        company: None when nothing but a name is known, or nobody has taught what the id or the domain means.
        found_by: what told it.
        known: whether any change of it was applied.
    """

    company: CompanyRef | None
    found_by: Literal["company_id", "their_id", "domain", "nothing"]
    known: bool


class PersonFacts(Value):
    """A person at a company; None says nothing about that field. Seniority and department in the provider's words.

    Attributes:
        present: whether they work there; not being named never means that somebody left.
    """

    person_id: Id
    name: Text | None = None
    title: Text | None = None
    seniority: Text | None = None
    department: Text | None = None
    email: Text | None = None
    linkedin_url: Text | None = None
    country: Text | None = None
    present: bool = True

    def employee(self) -> Employee:
        """As the buyer group sees them."""
        return Employee(**self.model_dump(exclude={"present"}))


People = Annotated[tuple[PersonFacts, ...], Field(max_length=MAX_PEOPLE)]


class GroupInput(Value):
    """Whose group of which company."""

    company_id: Id
    workspace_id: Id = "default"


class GroupMember(Value):
    """One person in one role, and why: the id of the rule, or who chose the role, and how sure the title is read."""

    person_id: str
    role: str
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int
    why: str
    rule: str
    own_role: str | None
    set_by: str | None
    confidence: int

    @classmethod
    def of(cls, member: Member | MemberView) -> Self:
        """The same, as it is derived or read."""
        return cls.model_validate({name: getattr(member, name) for name in cls.model_fields})


class BuyerGroup(Value):
    """A group as it is in the database.

    Attributes:
        version: 0 while nobody was ever in it.
        refreshed_at: log time; None when no change of the company was applied yet.
        refresh_due_at: when changes that the group does not cover yet will be; None when it covers all.
    """

    company_id: str
    workspace_id: str
    version: int
    refreshed_at: int | None
    refresh_due_at: int | None
    members: tuple[GroupMember, ...]


class DiscoverInput(GroupInput):
    """Whom to look for: the roster, and people whom the pipeline knows of itself."""

    people: People = ()


class Discovered(Value):
    """Everybody who works there.

    Attributes:
        from_roster: how many of them the log knows.
    """

    company_id: str
    people: tuple[PersonFacts, ...]
    from_roster: int


class DeriveInput(Value):
    """What a group is derived from."""

    company: CompanyRef
    people: People
    workspace_id: Id = "default"


class DerivedGroup(Value):
    """What the group would be; nothing was stored."""

    company_id: str
    workspace_id: str
    policy_version: int
    members: tuple[GroupMember, ...]


class SaveInput(Value):
    """What a pipeline has found out about people of a company.

    Attributes:
        observed_at: when it was so; when the run began, unless told. The latest word about a field counts (law L4).
    """

    company: CompanyRef
    people: Annotated[tuple[PersonFacts, ...], Field(min_length=1, max_length=MAX_PEOPLE)]
    workspace_id: Id = "default"
    observed_at: Time | None = None

    @model_validator(mode="after")
    def _names_everybody_once(self) -> Self:
        [(person_id, times)] = Counter(person.person_id for person in self.people).most_common(1)
        if times > 1:
            raise ValueError(f"people names {person_id} {times} times")
        return self


class SavedGroup(Value):
    """What became of it.

    Attributes:
        status: `covered`: the group below knows all that was said; `deferred`: the roster does, and the group will at
            `covered_at`, because the company was refreshed less than an hour ago (law L5).
        outcomes: how many people had which outcome.
    """

    status: Literal["covered", "deferred"]
    covered_at: int | None
    outcomes: dict[str, int]
    group: BuyerGroup
