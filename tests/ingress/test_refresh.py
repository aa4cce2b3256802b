"""The Refresh button: one change a click, whatever goes wrong, and an address that tells what became of it."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from db.reads import Reads
from db.tokens import create_token
from ingress.api_refresh import BUCKET_MS
from ingress.publisher import NotAcknowledgedError, Publisher
from schemas.events import ChangeType

if TYPE_CHECKING:
    import httpx

    from tests.ingress.conftest import Ingress, Record

PATH = "/api/v1/intelligence/buyer-group/refresh"
TOKEN = "a-token-for-tests-only"
Records = Callable[[], "list[Record]"]


async def _ask(ingress: "Ingress", body: Any = None, key: str | None = None, token: str = TOKEN) -> "httpx.Response":
    content = body if isinstance(body, bytes) else json.dumps(body or {"companyId": "acme"}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    if key is not None:
        headers["idempotency-key"] = key
    return await ingress.client.post(PATH, content=content, headers=headers)


def _click(ingress: "Ingress", body: Any = None, key: str | None = None, token: str = TOKEN) -> "httpx.Response":
    return ingress.run(_ask(ingress, body, key, token))


def _code(answer: "httpx.Response") -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_a_click_becomes_a_change_like_any_other(ingress: "Ingress", records: Records) -> None:
    """Source `manual`, who asked and for which workspace; the answer names the event and where its outcome will be."""
    answer = _click(ingress, {"companyId": "acme", "workspaceId": "w1"})
    (record,) = records()

    assert answer.status_code == 202
    event_id = record.change.event_id
    assert answer.json() == {"status": "enqueued", "eventId": event_id, "outcome": f"/api/v1/events/manual/{event_id}"}
    assert answer.headers["location"] == answer.json()["outcome"]
    assert (record.change.source, record.change.type) == ("manual", ChangeType.REFRESH_REQUESTED)
    assert (record.change.company.id, record.change.workspace_id) == ("acme", "w1")
    assert (record.change.requested_by, record.change.person) == ("environment", None)


def test_two_clicks_are_one_change(ingress: "Ingress", records: Records, database_url: str) -> None:
    """Within ten seconds, by the same person, for the same company and workspace; else they are two."""
    other = create_token(database_url, "another", ["refresh"], None)[1]
    ingress.now -= ingress.now % BUCKET_MS
    first = _click(ingress).json()["eventId"]
    ingress.now += BUCKET_MS - 1
    same = _click(ingress).json()["eventId"]
    different = [
        _click(ingress, {"companyId": "b"}),
        _click(ingress, {"companyId": "acme", "workspaceId": "w"}),
        _click(ingress, token=other),
    ]
    ingress.now += 1
    different.append(_click(ingress))

    assert same == first
    assert len({first, *(answer.json()["eventId"] for answer in different)}) == 5
    assert len(records()) == 6  # the log has both clicks; the inbox makes one effect of them


def test_a_token_of_one_workspace_refreshes_that_one(ingress: "Ingress", records: Records, database_url: str) -> None:
    """Its own without saying so, and no other."""
    token = create_token(database_url, "", ["refresh"], "w1")[1]

    assert _click(ingress, token=token).status_code == 202
    assert _code(_click(ingress, {"companyId": "acme", "workspaceId": "w2"}, token=token)) == (403, "scope")
    assert [record.change.workspace_id for record in records()] == ["w1"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b"[", 400, None),
        (b"[]", 422, "body"),
        (b"null", 422, "body"),
        (b"{}", 422, "companyId"),
        (b'{"companyId":""}', 422, "companyId"),
        (b'{"companyId":" "}', 422, "companyId"),
        (b'{"companyId":"a\\u0000"}', 422, "companyId"),
        (b'{"companyId":"\\ud800"}', 422, "companyId"),
        (b'{"companyId":1}', 422, "companyId"),
        (b'{"companyId":"' + b"a" * 256 + b'"}', 422, "companyId"),
        (b'{"companyId":"' + b"a" * 5000 + b'"}', 413, None),
        (b'{"companyId":"a","workspaceId":2}', 422, "workspaceId"),
        (b'{"company_id":"a"}', 422, "companyId"),
        (b'{"companyId":"a","more":1}', 422, "more"),
    ],
)
def test_what_is_no_request_is_told_why(offline: "Ingress", body: bytes, status: int, field: str | None) -> None:
    """The first field that is wrong, and nothing published."""
    answer = _click(offline, body)

    assert answer.status_code == status
    assert answer.json().get("field") == field


@pytest.mark.parametrize(
    "key", ["", "a", '"', '""', '"a', 'a"', '"a"b"', '"\\a"', '"é"', '"a";p=1', "'a'", '"' + "a" * 256 + '"']
)
def test_a_key_that_is_no_string_is_400(offline: "Ingress", key: str) -> None:
    """As the draft has it: a string of structured fields, in double quotes."""
    headers = {b"authorization": f"Bearer {TOKEN}".encode(), b"idempotency-key": key.encode("latin-1")}
    answer = offline.run(offline.client.post(PATH, content=b'{"companyId":"a"}', headers=headers))

    assert _code(answer) == (400, "idempotency-key")


def test_two_keys_are_none(offline: "Ingress") -> None:
    """Which of them counts would be a guess."""
    headers = [("authorization", f"Bearer {TOKEN}"), ("idempotency-key", '"a"'), ("idempotency-key", '"a"')]
    answer = offline.run(offline.client.post(PATH, content=b'{"companyId":"a"}', headers=headers))

    assert _code(answer) == (400, "idempotency-key")


def test_a_repetition_gets_the_first_answer(ingress: "Ingress", records: Records) -> None:
    """However much later, and marked as such; one record. Escapes are part of the key."""
    key = r'"a \" \\ b"'
    first = _click(ingress, key=key)
    ingress.now += 10 * BUCKET_MS
    again = _click(ingress, key=key)

    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert len(records()) == 1


def test_a_key_stands_for_one_payload(ingress: "Ingress", records: Records) -> None:
    """The same key with another company is 422; a payload that is no request uses no key up."""
    assert _click(ingress, b"{}", '"k"').status_code == 422
    assert _click(ingress, key='"k"').status_code == 202
    assert _code(_click(ingress, {"companyId": "other"}, '"k"')) == (422, "key-reused")
    assert len(records()) == 1


def test_a_key_belongs_to_its_token(ingress: "Ingress", records: Records, database_url: str) -> None:
    """Two callers may choose the same one."""
    other = create_token(database_url, "", ["refresh"], None)[1]
    answers = [_click(ingress, key='"k"'), _click(ingress, {"companyId": "b"}, '"k"', other)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(records()) == 2


def test_while_the_first_is_under_way_the_others_wait(
    ingress: "Ingress", records: Records, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """409 with Retry-After; afterwards it is the first answer. Many at once make one record."""
    publish, go = Publisher.publish, asyncio.Event()

    async def held(self: Publisher, *arguments: Any) -> None:
        await go.wait()
        await publish(self, *arguments)

    async def many() -> "tuple[httpx.Response, list[httpx.Response]]":
        first = asyncio.create_task(_ask(ingress, key='"k"'))
        while not await asyncio.to_thread(_keys, database_url):  # noqa: ASYNC110  # the database wakes nobody
            await asyncio.sleep(0.01)
        others = await asyncio.gather(*(_ask(ingress, key='"k"') for _ in range(5)))
        go.set()
        return await first, others

    monkeypatch.setattr(Publisher, "publish", held)
    first, others = ingress.run(many())

    assert first.status_code == 202
    assert {_code(answer) for answer in others} == {(409, "under-way")}
    assert others[0].headers["retry-after"] == "1"
    assert _click(ingress, key='"k"').content == first.content
    assert len(records()) == 1


def test_a_failed_request_can_be_repeated_at_once_and_is_the_same_change(
    ingress: "Ingress", records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the broker did not acknowledge may have arrived all the same: the second try has the same event id."""
    publish = Publisher.publish

    async def unacknowledged(self: Publisher, *arguments: Any) -> None:
        await publish(self, *arguments)
        raise NotAcknowledgedError("nobody knows")

    with monkeypatch.context() as patched:
        patched.setattr(Publisher, "publish", unacknowledged)
        assert _code(_click(ingress, key='"k"')) == (503, "not-acknowledged")
    second = _click(ingress, key='"k"')

    assert second.status_code == 202
    assert "idempotency-replayed" not in second.headers
    assert {record.change.event_id for record in records()} == {second.json()["eventId"]}
    assert len(records()) == 2


@pytest.mark.parametrize(
    ("aged", "same"),
    [
        (b"UPDATE idempotency_keys SET leased_until = now()", True),
        (b"UPDATE idempotency_keys SET expires_at = now()", False),
    ],
)
def test_a_process_that_died_leaves_no_key_taken(
    ingress: "Ingress", records: Records, database_url: str, aged: bytes, same: bool
) -> None:
    """When its lease is over, a repetition goes on as the same change; when the key has expired, as a new one."""
    first = _click(ingress, key='"k"').json()["eventId"]
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE idempotency_keys SET answer = NULL")
    assert _code(_click(ingress, key='"k"')) == (409, "under-way")
    with psycopg.connect(database_url) as connection:
        connection.execute(aged)
    again = _click(ingress, key='"k"')

    assert again.status_code == 202
    assert (again.json()["eventId"] == first) is same
    assert len(records()) == 2


def test_expired_keys_go(ingress: "Ingress", database_url: str) -> None:
    """Each claim takes some with it, so that the table does not grow for ever."""
    for number in range(3):
        _click(ingress, key=f'"{number}"')
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE idempotency_keys SET expires_at = now() - interval '1 s'")
    _click(ingress, key='"new"')

    assert _keys(database_url) == 1


def test_an_answer_that_cannot_be_kept_is_given_all_the_same(
    ingress: "Ingress", records: Records, database_url: str
) -> None:
    """The log has the change: to say otherwise would be a lie. Who repeats it publishes the same event."""
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE idempotency_keys ADD CONSTRAINT none_fits CHECK (answer IS NULL)")
    first = _click(ingress, key='"k"')
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE idempotency_keys SET leased_until = now()")
    again = _click(ingress, key='"k"')

    assert (first.status_code, again.status_code) == (202, 202)
    assert len({record.change.event_id for record in records()}) == 1


def test_without_the_database_a_click_works_and_a_key_does_not(
    start: "Callable[..., Ingress]", servers_of_test: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that nobody can look up must not pass for one that was: 503, and nothing published."""
    monkeypatch.setattr("ingress.app.Reads", partial(Reads, statement_timeout_seconds=0.1))
    ingress = start(**{**servers_of_test, "database_url": "postgresql://127.0.0.1:1/nothing"})

    assert _code(_click(ingress, key='"k"')) == (503, "database")
    assert _click(ingress).status_code == 202


def _keys(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        return int(connection.execute("SELECT count(*) FROM idempotency_keys").fetchall()[0][0])
