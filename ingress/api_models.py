"""What the API takes and answers: the models that validate are the ones that `/openapi.json` describes.

Times are ISO 8601 in UTC, except where a model says otherwise.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from schemas.events import MAX_ID_BYTES, InvalidChangeError, check_id

_NO_CONTROL: Final = r"[^\u0000-\u001f\u007f]"
_NO_SPACE: Final = (
    r"[^\u0000-\u0020\u007f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"  # what str.strip leaves
)
MAX_KEY: Final = 255
KEY_PATTERN: Final = rf'^"([ !#-\[\]-~]|\\["\\]){{1,{MAX_KEY}}}"$'
"""An Idempotency-Key: a string of structured fields (RFC 9651, section 3.3.3), not empty."""
EXAMPLE_TIME: Final = "2026-11-24T14:05:00.000Z"


def _as_id(value: str) -> str:
    try:
        check_id("", value)
    except InvalidChangeError as error:
        raise ValueError(error.reason) from None
    return value


Id = Annotated[
    str,
    AfterValidator(_as_id),
    Field(
        description=f"At most {MAX_ID_BYTES} bytes in UTF-8, not blank, without control characters",
        json_schema_extra={
            "minLength": 1,
            "maxLength": MAX_ID_BYTES,
            "pattern": f"^{_NO_CONTROL}*{_NO_SPACE}{_NO_CONTROL}*$",
        },
    ),
]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=[EXAMPLE_TIME])]


class Document(BaseModel):
    """JSON in camelCase, with nothing in it that is not named here."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, serialize_by_alias=True
    )

    def content(self) -> dict[str, Any]:
        """As JSON's own values."""
        return self.model_dump(by_alias=True)


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457); the members beyond the five of the standard say more about it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:person-changes:problem:token"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str


class CompanyDocument(Document):
    """What is known of a company."""

    id: str
    name: str | None
    domain: str | None
    industry: str | None
    employee_count: int | None


class PendingDocument(Document):
    """Changes that are on the roster, but not in the group yet."""

    changes: int
    since: Time | None
    refresh_due_at: Time | None


class FreshnessDocument(Document):
    """How far the group has come: `says` is a sentence for people."""

    up_to_date: bool
    says: str = Field(examples=["up to date: refreshed at 2026-11-24 14:05:00 UTC"])


class PastMemberDocument(Document):
    """One person in one role, and why."""

    person_id: str
    role: str
    name: str | None
    title: str | None
    seniority: str | None
    function: str | None
    score: int
    why: str
    rule: str = Field(description="Id of the rule that put them there: docs/workspaces.md")
    own_role: str | None = Field(description="The workspace's own name for the role")
    set_by: str | None = Field(description="Who chose the role; null: a rule did")
    confidence: int = Field(description="How sure the title is read, 0 to 100; 100 where somebody chose")


class MemberDocument(PastMemberDocument):
    """The same now."""

    also_known_as: list[str] = Field(description="Other ids that are the same person: docs/identity.md")


class CompletenessDocument(Document):
    """How far the roles that the workspace requires are filled."""

    percent: int = Field(description="0 to 100; 100 is complete")
    missing: list[str] = Field(description="The required roles that need more people")


class GroupDocument(Document):
    """A company's buyer group in one workspace, the most important members first."""

    workspace_id: str
    company: CompanyDocument
    version: int = Field(description="Counts changes of content; 0 while nobody was ever in the group")
    policy_version: int
    refreshed_at: Time
    changed_at: Time | None
    completeness: CompletenessDocument
    pending: PendingDocument
    freshness: FreshnessDocument
    members: list[MemberDocument]


class PastGroupDocument(Document):
    """A buyer group as it was at a log time, the most important members first."""

    workspace_id: str
    company_id: str
    as_of: Time
    version: int
    policy_version: int = Field(description="The policy that had counted at the last refresh until then")
    refreshed_at: Time = Field(description="The last refresh until then")
    changed_at: Time | None
    completeness: CompletenessDocument
    members: list[PastMemberDocument]


class DestinationDocument(Document):
    """The company that somebody left for."""

    company_id: str
    name: str | None


class GroupChangeDocument(Document):
    """One line of what a version changed: docs/history.md."""

    kind: str
    person_id: str | None = Field(description="Null: the line is about the group")
    name: str | None
    before: str | None
    after: str | None
    why: str
    cause: Literal["world", "settings"] = Field(description="Whether people changed, or the workspace's policy")
    went_to: DestinationDocument | None


class VersionDocument(Document):
    """A version of a group: what it changed, and after which changes."""

    version: int
    log_time: Time
    policy_version: int | None
    event_ids: list[str] = Field(description="The changes that the refresh covers, at most 100")
    changes: list[GroupChangeDocument]


class HistoryDocument(Document):
    """What the versions of a group changed, the newest first."""

    workspace_id: str
    company_id: str
    versions: list[VersionDocument]


class RefreshRequest(Document):
    """Asks for a refresh of a company's buyer group."""

    model_config = ConfigDict(populate_by_name=False)

    company_id: Id
    workspace_id: Id | None = Field(default=None, description="On whose behalf; else the token's, or `default`")


class RoleRequest(Document):
    """Sets a person's role in a company's buyer group, whatever the rules say; or takes that back."""

    model_config = ConfigDict(populate_by_name=False)

    company_id: Id
    person_id: Id
    role: Id | None = Field(
        description="One of the five, or the workspace's own; several with commas between; null: the rules decide again"
    )
    workspace_id: Id | None = Field(default=None, description="In whose group; else the token's, or `default`")


class RefreshAccepted(Document):
    """The request is in the log; it obeys the limit of one refresh per company per hour."""

    status: Literal["enqueued"]
    event_id: str
    outcome: str = Field(description="Where to ask what became of it", examples=["/api/v1/events/manual/refresh_4f0c…"])


class OutcomeDocument(Document):
    """What became of a change at one company; `status` is a sentence for people."""

    company_id: str
    type: str
    outcome: Literal["refreshed", "deferred", "superseded", "ignored"]
    status: str = Field(examples=["deferred until 2026-11-24 14:05:00 UTC, when one refresh covers it"])
    reason: str | None
    occurred_at: Time
    received_at: Time
    log_time: Time
    refresh_at: Time | None = Field(description="The refresh that covers the change, by its log time")
    refresh_outcome: Literal["changed", "unchanged"] | None = Field(description="Null while it is still to come")
    deliveries: int = Field(ge=1, description="How often it was delivered; all but the first were without effect")


class DeadLetterDocument(Document):
    """A record of the change that could not be applied; it is kept, and can be retried."""

    company_id: str | None
    status: str
    reason: str
    log_time: Time


class EventDocument(Document):
    """What became of one change."""

    source: str
    event_id: str
    companies: list[OutcomeDocument]
    dead_letters: list[DeadLetterDocument]


class WebhookEnqueued(Document):
    """Every replica has the change."""

    status: Literal["enqueued"]
    event_id: str


class WebhookWithoutEffect(BaseModel):
    """The change had its effect before (`already_processed`), or says nothing about a buyer group (`skipped`)."""

    model_config = ConfigDict(extra="allow")

    status: Literal["already_processed", "skipped"]


class IndexDocument(Document):
    """What is where."""

    name: str
    addresses: dict[str, str]
