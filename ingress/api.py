"""The read API: groups as they are and were, and what became of a change. No read without a token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import unquote

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.errors import DatabaseError
from db.reads import GroupView, HistoryQuery, Reads
from ingress.api_input import count, log_time, parameters
from ingress.api_tokens import Gate, workspace_for
from ingress.documents import event_document, group_document, history_document, past_group_document
from ingress.problems import Problem
from schemas.events import MAX_TIME_MS, InvalidChangeError, check_id

log = structlog.get_logger()

T = TypeVar("T")

VERSIONS: Final = 20
MOST_VERSIONS: Final = 1000
"""That one answer of a history lists, unless told, and at most."""

_PRIVATE: Final = {"cache-control": "private, no-cache"}
"""An answer is for whoever showed the token, and is asked for again (If-None-Match) before it is used again."""


@dataclass(frozen=True, slots=True)
class Api:
    """Reads for those who have a token.

    Attributes:
        clock: ms UTC.
    """

    reads: Reads
    gate: Gate
    clock: Callable[[], int]

    async def group(self, request: Request) -> Response:
        """A company's buyer group in the workspace `?workspace=`, now or `?as_of=`."""
        company, _ = _group_path(request)
        grant = await self.gate.admit(request, "read")
        asked = parameters(request, "workspace", "as_of")
        workspace = workspace_for(grant, asked.get("workspace"))
        if not _are_ids(company, workspace):
            raise _unknown_group()
        if "as_of" in asked:
            return await self._past(workspace, company, log_time(asked["as_of"], "as_of"))
        view = await asked_of(self.reads.group(workspace, company))
        if view is None:
            raise _unknown_group()
        tag = _entity_tag(view)
        if _matches(request.headers, tag):
            return Response(status_code=304, headers={"etag": tag, **_PRIVATE})
        return JSONResponse(group_document(view), headers={"etag": tag, **_PRIVATE})

    async def event(self, request: Request) -> Response:
        """What became of a change, for each company it touched."""
        await self.gate.admit(request, "read")
        parameters(request)
        source, event_id = _event_path(request)
        if not _are_ids(source, event_id):
            raise Problem("unknown-event", "no source and no event can have such an id")
        outcomes = await asked_of(self.reads.outcomes(source, event_id))
        letters = await asked_of(self.reads.dead_letters(source, event_id))
        if not outcomes and not letters:
            raise Problem(
                "unknown-event",
                "no outcome of this change is recorded: if it was answered with 202 a moment ago, it is enqueued, not "
                "applied yet: ask again; otherwise source or event id are others, or it is older than what is kept",
            )
        return JSONResponse(event_document(source, event_id, outcomes, letters), headers=_PRIVATE)

    async def history(self, request: Request) -> Response:
        """What the versions of a group changed; or the group of a company whose id ends like this route."""
        company, meant = _group_path(request)
        if not meant:
            return await self.group(request)
        grant = await self.gate.admit(request, "read")
        asked = parameters(request, "workspace", "person", "since", "limit")
        workspace, person = workspace_for(grant, asked.get("workspace")), asked.get("person")
        if not _are_ids(company, workspace, *([] if person is None else [person])):
            raise _unknown_group()
        since = log_time(asked["since"], "since") if "since" in asked else 0
        limit = count(asked.get("limit", str(VERSIONS)), "limit", MOST_VERSIONS)
        query = HistoryQuery(workspace, company, person, min(max(since, 0), MAX_TIME_MS), limit=limit)
        versions = await asked_of(self.reads.versions(query))
        if not versions and await asked_of(self.reads.group(workspace, company)) is None:
            raise _unknown_group()
        return JSONResponse(history_document(query, versions), headers=_PRIVATE)

    async def _past(self, workspace: str, company: str, as_of: int) -> Response:
        if not 0 <= as_of <= self.clock():
            raise Problem("unknown-group", "as_of: the log has no such time, or has not come so far yet")
        view = await asked_of(self.reads.past_group(workspace, company, min(as_of, MAX_TIME_MS)))
        if view is None:
            raise Problem("unknown-group", "the company had no buyer group in this workspace at that time")
        return JSONResponse(past_group_document(view, as_of), headers=_PRIVATE)


async def asked_of(answer: Awaitable[T]) -> T:
    """The database's answer.

    Raises:
        Problem: it cannot be asked; the reason is in the log, not in the answer.
    """
    try:
        return await answer
    except DatabaseError as error:
        log.warning("the database cannot be asked; the caller was told to ask again", why=str(error))
        raise Problem("database", "ask again a little later") from None


def _unknown_group() -> Problem:
    return Problem("unknown-group", "no change of this company was applied yet, or the id is another one")


def _are_ids(*values: str) -> bool:
    """Whether these can be ids at all."""
    try:
        for value in values:
            check_id("id", value)
    except InvalidChangeError:
        return False
    return True


def _group_path(request: Request) -> tuple[str, bool]:
    """Company, and whether its history is asked for; split before it is decoded: an id may end like that, escaped."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    tail = raw.partition(b"/api/v1/intelligence/buyer-group/")[2].partition(b"?")[0]
    company, slash, last = tail.decode("latin-1").rpartition("/")
    if slash and last == "history":
        return unquote(company), True
    return unquote(tail.decode("latin-1")), False


def _event_path(request: Request) -> tuple[str, str]:
    """Source and event id, split before they are decoded: either may hold a slash, escaped."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    tail = raw.partition(b"/api/v1/events/")[2].partition(b"?")[0]
    source, _, event_id = tail.decode("latin-1").partition("/")
    return unquote(source), unquote(event_id)


def _entity_tag(view: GroupView) -> str:
    """Weak: it stands for a state of the group, not for the bytes that describe it.

    The rest of the answer changes only with a refresh, or with what is pending.
    """
    return f'W/"{view.version}-{view.refreshed_at}-{view.pending_count}-{view.refresh_due_at or 0}"'


def _matches(headers: Headers, tag: str) -> bool:
    """Whether the caller has it already (RFC 9110, section 13.1.2)."""
    known = headers.get("if-none-match", "").strip()
    return known == "*" or tag.removeprefix("W/") in (part.strip().removeprefix("W/") for part in known.split(","))
