"""The read API: no read without a token."""

import hmac
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from db.errors import RetryableDatabaseError
from db.reads import GroupView, Reads
from ingress.documents import group_document
from ingress.problems import Problem
from schemas.events import InvalidChangeError, check_id

DEFAULT_WORKSPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Api:
    """Reads for those who have the token.

    Attributes:
        token: None refuses everybody.
    """

    reads: Reads
    token: bytes | None

    async def group(self, request: Request) -> Response:
        """A company's buyer group in the workspace `?workspace=`."""
        self._authorise(request)
        company, workspace = request.path_params["company_id"], request.query_params.get("workspace", DEFAULT_WORKSPACE)
        view = await self._view(workspace, company)
        if view is None:
            raise Problem("unknown-group", "no change of this company was applied yet, or the id is another one")
        return JSONResponse(group_document(view))

    def _authorise(self, request: Request) -> None:
        if self.token is None:
            raise _unauthorised("this server has no API_TOKEN, so nobody can read")
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.strip().encode("latin-1"), self.token):
            raise _unauthorised("send the header Authorization: Bearer with the API token")

    async def _view(self, workspace: str, company: str) -> GroupView | None:
        try:
            check_id("workspace", workspace)
            check_id("company", company)
        except InvalidChangeError:
            return None  # no such id can exist
        try:
            return await self.reads.group(workspace, company)
        except RetryableDatabaseError:
            raise Problem("database", "ask again a little later") from None


def _unauthorised(detail: str) -> Problem:
    return Problem("token", detail, {"www-authenticate": "Bearer"})
