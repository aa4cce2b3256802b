"""What a provider wants to be told when its webhook was taken, where our own answer is not it."""

import json
from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import Field, JsonValue, model_validator
from starlette.responses import Response

from ingress.signatures.scheme import Data
from schemas.times import iso_utc

NOW: Final = "{now}"
_POINTER: Final = "{/"


class Success(Data):
    """A status of 2xx, and a JSON document or nothing.

    Attributes:
        status: of the answer.
        body: its document; in it, the text `{now}` becomes the time of receipt in ISO 8601, and `{/id}` the member `id`
            of the payload (`{/data/id}` one deeper), or an empty text where it has none.
    """

    status: int = Field(default=200, ge=200, le=299)
    body: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.status in {204, 205} and self.body is not None:
            raise ValueError(f"status {self.status} is of an answer without a body: take 200, or leave body out")
        return self

    def response(self, payload: Any, now: int) -> Response:
        """The answer to a payload received at `now`, ms UTC."""
        if self.body is None:
            return Response(status_code=self.status)
        document = json.dumps(_filled(self.body, payload, now))
        return Response(document, self.status, media_type="application/json")


def _filled(template: Any, payload: Any, now: int) -> Any:
    if isinstance(template, dict):
        return {name: _filled(value, payload, now) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, payload, now) for value in template]
    if template == NOW:
        return iso_utc(now)
    if isinstance(template, str) and template.startswith(_POINTER) and template.endswith("}"):
        return _pointed(payload, template[len(_POINTER) : -1].split("/"))
    return template


def _pointed(value: Any, path: list[str]) -> Any:
    """A text or number of the payload; never a whole part of it, which could be of any size."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str | int | float) else ""
