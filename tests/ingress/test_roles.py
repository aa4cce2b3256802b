"""A role that a user sets: one change a choice, in the log like any other."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from db.tokens import create_token
from schemas.events import ChangeType

if TYPE_CHECKING:
    import httpx

    from tests.ingress.conftest import Ingress, Record

PATH = "/api/v1/intelligence/buyer-group/role"
TOKEN = "a-token-for-tests-only"
BODY = {"companyId": "acme", "personId": "p1", "role": "champion"}
Records = Callable[[], "list[Record]"]


def _set(ingress: "Ingress", body: Any = None, key: str | None = None, token: str = TOKEN) -> "httpx.Response":
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    if key is not None:
        headers["idempotency-key"] = key
    return ingress.run(ingress.client.post(PATH, content=json.dumps(body or BODY).encode(), headers=headers))


def test_a_role_becomes_a_change_like_any_other(ingress: "Ingress", records: Records) -> None:
    """Source `manual`, who set it for whom and where; the answer names the event and where its outcome will be."""
    answer = _set(ingress, {**BODY, "workspaceId": "w1"})
    (record,) = records()
    change = record.change

    assert answer.status_code == 202
    assert answer.json()["outcome"] == f"/api/v1/events/manual/{change.event_id}"
    assert (change.source, change.type) == ("manual", ChangeType.ROLE_SET)
    assert (change.company.id, change.workspace_id, change.role) == ("acme", "w1", "champion")
    assert change.person is not None
    assert (change.person.id, change.requested_by) == ("p1", "environment")


def test_each_request_is_a_choice_of_its_own(ingress: "Ingress", records: Records) -> None:
    """Set, removed and set again within a moment: the last one must count, so none is taken for another."""
    for role in ("champion", None, "champion"):
        assert _set(ingress, {**BODY, "role": role}).status_code == 202
    assert [record.change.role for record in records()] == ["champion", None, "champion"]
    assert len({record.change.event_id for record in records()}) == 3


def test_a_key_stands_for_one_choice(ingress: "Ingress", records: Records) -> None:
    """A repetition gets the first answer; with another role, person or as a refresh it is refused."""
    first, again = _set(ingress, key='"k"'), _set(ingress, key='"k"')
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    for other in ({**BODY, "role": None}, {**BODY, "personId": "p2"}):
        assert _set(ingress, other, '"k"').status_code == 422
    assert len(records()) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"companyId": "a", "personId": "p"}, "role"),
        ({"companyId": "a", "role": "champion"}, "personId"),
        ({**BODY, "role": " "}, "role"),
        ({**BODY, "role": "r" * 256}, "role"),
        ({**BODY, "more": 1}, "more"),
    ],
)
def test_what_is_no_request_is_told_why(offline: "Ingress", body: dict[str, Any], field: str) -> None:
    """The first field that is wrong; a role must be said, and be it null."""
    answer = _set(offline, body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_it_needs_the_scope_and_the_workspace(ingress: "Ingress", database_url: str) -> None:
    """As a refresh does."""
    read = create_token(database_url, "", ["read"], None)[1]
    elsewhere = create_token(database_url, "", ["refresh"], "w1")[1]
    assert _set(ingress, token="wrong").status_code == 401
    assert _set(ingress, token=read).status_code == 403
    assert _set(ingress, {**BODY, "workspaceId": "w2"}, token=elsewhere).status_code == 403
    assert _set(ingress, token=elsewhere).status_code == 202
