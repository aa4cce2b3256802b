"""What the HTTP side offers, route by route: the source of `/openapi.json` and `/docs`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from ingress.api_models import (
    KEY_PATTERN,
    EventDocument,
    GroupDocument,
    HistoryDocument,
    IndexDocument,
    PastGroupDocument,
    RefreshAccepted,
    RefreshRequest,
    RoleRequest,
    WebhookEnqueued,
    WebhookWithoutEffect,
)
from ingress.sources import EXAMPLE

TOKEN_PROBLEMS: Final = ("token", "scope", "rate", "database")
EVERYWHERE: Final = ("not-http", "slow", "long-address", "headers", "connections")
"""What any request may be answered before its route is known."""
_BODY_PROBLEMS: Final = ("malformed", "too-large", "media-type")
_TEXT: Final = "text/plain; charset=utf-8"
_EARLIEST_MS: Final = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a request succeeds.

    Attributes:
        content: a model, several of which it is one, a media type for what is not JSON, or None without a body.
        headers: name to meaning, of those that are always there.
    """

    says: str
    content: type[BaseModel] | tuple[type[BaseModel], ...] | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the path, the query or the header."""

    name: str
    place: str
    says: str
    schema: Mapping[str, Any]
    required: bool = False
    example: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a route.

    Attributes:
        scope: what the token must allow; None when no token is needed.
        signed: whether the request is signed by its source.
        body: a model, or `object` for a payload whose form depends on its source.
        problems: codes of `problems.TABLE`, besides those that any request may get.
    """

    method: str
    path: str
    summary: str
    says: str
    answers: Mapping[int, Answer]
    problems: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    scope: str | None = None
    signed: bool = False
    body: type[BaseModel] | type[object] | None = None
    example: Mapping[str, Any] | None = None


_COMPANY: Final = Parameter("company_id", "path", "The company, as the changes name it", {"type": "string"}, True)  # noqa: FBT003
_SOURCE: Final = Parameter("source", "path", "A source that is configured", {"type": "string"}, True, "generic")  # noqa: FBT003
_WORKSPACE: Final = Parameter(
    "workspace", "query", "Whose buyer group; else the token's workspace, or `default`", {"type": "string"}
)
_AS_OF: Final = Parameter(
    "as_of",
    "query",
    "The group as it was at this log time, instead of now: ISO 8601, or ms since 1970",
    {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": _EARLIEST_MS}]},
    example="2026-11-24T14:05:00Z",
)
_PERSON: Final = Parameter("person", "query", "Only what happened to this person", {"type": "string"})
_SINCE: Final = Parameter(
    "since",
    "query",
    "Only versions from this log time on: ISO 8601, or ms since 1970",
    _AS_OF.schema,
    example="2026-11-24T14:05:00Z",
)
_LIMIT: Final = Parameter(
    "limit", "query", "At most so many versions, the newest", {"type": "integer", "minimum": 1, "maximum": 1000}
)
_KEY: Final = Parameter(
    "Idempotency-Key",
    "header",
    "Text in double quotes (draft-ietf-httpapi-idempotency-key-header); for a day, a repetition gets the first answer",
    {"type": "string", "pattern": KEY_PATTERN},
    example='"8e03978e-40d5-43e8-bc93-6894a57f9324"',
)
_TAKEN: Final = MappingProxyType(
    {
        202: Answer("Stored on every replica; the buyer group follows within a second", WebhookEnqueued),
        200: Answer("Nothing to do: `already_processed`, or `skipped` with the reason", WebhookWithoutEffect),
    }
)
_WEBHOOK_PROBLEMS: Final = (*_BODY_PROBLEMS, "signature", "invalid-change", "rate", "busy", "not-acknowledged")
_STORED: Final = MappingProxyType(
    {
        202: Answer(
            "Stored on every replica; `outcome` is where to ask what became of it",
            RefreshAccepted,
            {"location": "The same address as `outcome`"},
        )
    }
)
_ASKING_PROBLEMS: Final = (
    *TOKEN_PROBLEMS,
    *_BODY_PROBLEMS,
    *("parameter", "idempotency-key", "under-way", "key-reused", "invalid-request", "not-acknowledged"),
)
_POST_WEBHOOK: Final = (
    "Signed over its raw bytes, before anything is parsed; `GET` on the same address says how. Answered with 202 only "
    "when every replica has the change: what was answered 202 is never lost, what was not is safe to send again."
)
_GET_WEBHOOK: Final = "The signature, the payload with an example, and what the answers mean."
_DOCUMENTED: Final = MappingProxyType(
    {200: Answer("How to send this webhook, or the answer to the question for proof", "application/json")}
)
_CHALLENGE: Final = Parameter("challengeCode", "query", "A source's question for proof", {"type": "string"})
_PATH_TOKEN: Final = Parameter("token", "path", "The secret of such a source", {"type": "string"}, True)  # noqa: FBT003

OPERATIONS: Final = (
    Operation(
        "post",
        "/api/webhooks/person-change",
        "Take a change",
        _POST_WEBHOOK,
        _TAKEN,
        _WEBHOOK_PROBLEMS,
        signed=True,
        body=object,
        example=EXAMPLE,
    ),
    Operation("get", "/api/webhooks/person-change", "Document the webhook", _GET_WEBHOOK, _DOCUMENTED, ("challenge",)),
    Operation(
        "post",
        "/api/webhooks/person-change/{source}",
        "Take a change of a configured source",
        _POST_WEBHOOK,
        _TAKEN,
        (*_WEBHOOK_PROBLEMS, "unknown-source"),
        (_SOURCE,),
        signed=True,
        body=object,
        example=EXAMPLE,
    ),
    Operation(
        "get",
        "/api/webhooks/person-change/{source}",
        "Document a source's webhook",
        _GET_WEBHOOK,
        _DOCUMENTED,
        ("unknown-source", "challenge"),
        (_SOURCE, _CHALLENGE),
    ),
    Operation(
        "post",
        "/api/webhooks/person-change/{source}/{token}",
        "Take a change of a source whose secret is part of its address",
        "For providers that sign nothing, but keep an address to themselves.",
        _TAKEN,
        (*_WEBHOOK_PROBLEMS, "unknown-source", "not-found"),
        (_SOURCE, _PATH_TOKEN),
        body=object,
        example=EXAMPLE,
    ),
    Operation(
        "get",
        "/api/webhooks/person-change/{source}/{token}",
        "Document the webhook of such a source",
        _GET_WEBHOOK,
        _DOCUMENTED,
        ("unknown-source", "challenge", "not-found"),
        (_SOURCE, _PATH_TOKEN),
    ),
    Operation(
        "post",
        "/api/v1/intelligence/buyer-group/refresh",
        "Ask for a refresh",
        "The request is a change like any other, with the source `manual`: it obeys the limit of one refresh per "
        "company per hour, and when it comes too soon, the trailing refresh covers it. Two clicks within the same ten "
        "seconds are one change.",
        _STORED,
        _ASKING_PROBLEMS,
        (_KEY,),
        scope="refresh",
        body=RefreshRequest,
        example=MappingProxyType({"companyId": "company_456"}),
    ),
    Operation(
        "post",
        "/api/v1/intelligence/buyer-group/role",
        "Set the role of a person",
        "Whatever the rules say; no refresh overwrites it. With a `role` of null, the rules decide again. It is "
        "a change of the type `buyer_group.role_set` with the source `manual`, and obeys the limit of one refresh per "
        "company per hour. A role that the workspace does not know does not count.",
        _STORED,
        _ASKING_PROBLEMS,
        (_KEY,),
        scope="refresh",
        body=RoleRequest,
        example=MappingProxyType({"companyId": "company_456", "personId": "person_123", "role": "champion"}),
    ),
    Operation(
        "get",
        "/api/v1/intelligence/buyer-group/{company_id}",
        "Read a buyer group",
        "Who is in it, in which role, and why; how fresh it is; or, with `as_of`, what it was. Slashes of the id are "
        "escaped (`%2F`) or not. `If-None-Match` with the `ETag` of an earlier answer saves sending the group again.",
        {
            200: Answer("The group", (GroupDocument, PastGroupDocument)),
            304: Answer("The group is as it was when its `ETag` was given"),
        },
        (*TOKEN_PROBLEMS, "parameter", "unknown-group", "not-found"),
        (_COMPANY, _WORKSPACE, _AS_OF),
        scope="read",
    ),
    Operation(
        "get",
        "/api/v1/intelligence/buyer-group/{company_id}/history",
        "Read what changed in a buyer group",
        "Version by version, the newest first: what changed, why, after which changes, and whether people changed or "
        "the workspace's policy. Slashes of the id are escaped (`%2F`), at least where it ends in `/history` itself.",
        {200: Answer("The versions; none when nothing that was asked for changed", HistoryDocument)},
        (*TOKEN_PROBLEMS, "parameter", "unknown-group", "not-found"),
        (_COMPANY, _WORKSPACE, _PERSON, _SINCE, _LIMIT),
        scope="read",
    ),
    Operation(
        "get",
        "/api/v1/events/{source}/{event_id}",
        "Read what became of a change",
        "For each company that the change touched. Slashes of source and event id are escaped (`%2F`).",
        {200: Answer("Outcomes, and records that could not be applied", EventDocument)},
        (*TOKEN_PROBLEMS, "parameter", "unknown-event", "not-found"),
        (
            Parameter("source", "path", "Where the change came from", {"type": "string"}, True, "manual"),  # noqa: FBT003
            Parameter("event_id", "path", "Its id there", {"type": "string"}, True, "evt_test_001"),  # noqa: FBT003
        ),
        scope="read",
    ),
    Operation("get", "/healthz", "Liveness", "The process answers.", {200: Answer("It does", _TEXT)}),
    Operation(
        "get",
        "/readyz",
        "Readiness",
        "Webhooks can be stored now; while the process stops, they cannot.",
        {200: Answer("They can", _TEXT), 503: Answer("They cannot; the text says why", _TEXT)},
    ),
    Operation("get", "/metrics", "Metrics", "Prometheus' text format.", {200: Answer("Metrics", "text/plain")}),
    Operation("get", "/openapi.json", "This document", "OpenAPI 3.1.", {200: Answer("It", "application/json")}),
    Operation("get", "/docs", "This document for people", "One page.", {200: Answer("It", "text/html")}),
    Operation("get", "/", "What is where", "The addresses.", {200: Answer("Addresses", IndexDocument)}),
)
