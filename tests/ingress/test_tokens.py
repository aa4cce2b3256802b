"""Tokens of the API: what each is good for, for how long, and how little is known of it."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from starlette.requests import Request

from db.errors import RetryableDatabaseError
from db.tokens import Grant, create_token, hash_token, list_tokens, revoke_token
from ingress.api_tokens import REMEMBERED_SECONDS, REMEMBERED_TOKENS, Gate
from ingress.problems import Problem
from ingress.rates import Rates

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

GROUP = "/api/v1/intelligence/buyer-group/acme"
REFRESH = "/api/v1/intelligence/buyer-group/refresh"
EVENT = "/api/v1/events/test/e1"
ENVIRONMENT = "a-token-for-tests-only"


@pytest.fixture
def reader(start: "Callable[..., Ingress]", database_url: str) -> "Ingress":
    """The application with a database of the test's own, without a broker."""
    return start(database_url=database_url)


@pytest.fixture
def made(database_url: str) -> Callable[..., str]:
    """`made("read", workspace=…)`: a new token."""
    return lambda *scopes, workspace=None: create_token(database_url, "of a test", scopes, workspace)[1]


def _get(ingress: "Ingress", path: str, token: str) -> Any:
    return ingress.get(path, authorization=f"Bearer {token}")


def _problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_a_token_is_good_for_its_scopes_only(reader: "Ingress", made: Callable[..., str]) -> None:
    """403, not 401: the token is known. The answer names what is missing."""
    read, refresh = made("read"), made("refresh")
    refused = _get(reader, GROUP, refresh)
    answer = reader.run(reader.client.post(REFRESH, headers={"authorization": f"Bearer {read}"}))

    assert _problem(_get(reader, GROUP, read)) == (404, "unknown-group")
    assert _problem(_get(reader, EVENT, read)) == (404, "unknown-event")
    assert _problem(refused) == _problem(answer) == (403, "scope")
    assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="read"'
    assert "refresh" in refused.json()["detail"]
    assert refresh not in refused.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", (404, "unknown-group")), ("?workspace=w1", (404, "unknown-group")), ("?workspace=w2", (403, "scope"))],
)
def test_a_token_of_one_workspace_sees_that_one(
    reader: "Ingress", made: Callable[..., str], query: str, expected: tuple[int, str]
) -> None:
    """Without a parameter it is its own."""
    assert _problem(_get(reader, GROUP + query, made("read", workspace="w1"))) == expected


def test_the_token_of_the_environment_allows_everything(start: "Callable[..., Ingress]") -> None:
    """Without asking the database, which is away here: the refresh fails at the broker, not at the gate."""
    ingress = start()
    headers = {"authorization": f"Bearer {ENVIRONMENT}", "content-type": "application/json"}
    answer = ingress.run(ingress.client.post(REFRESH, headers=headers, content=b'{"companyId":"acme"}'))

    assert _problem(answer) == (503, "not-acknowledged")


def test_an_unknown_token_is_401(reader: "Ingress", made: Callable[..., str]) -> None:
    """Also one of the right form."""
    token = made("read")
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), token + "x", token.removeprefix("pc_")):
        answer = _get(reader, GROUP, wrong)
        assert (_problem(answer), answer.headers["www-authenticate"]) == ((401, "token"), "Bearer")


def test_only_a_hash_is_stored(database_url: str, made: Callable[..., str]) -> None:
    """A copy of the database lets nobody in: the token is not in it, nor any part of it."""
    token = made("read")
    with psycopg.connect(database_url) as connection:
        (row,) = connection.execute("SELECT token_hash, t::text FROM api_tokens t").fetchall()

    assert bytes(row[0]) == hash_token(token)
    assert token[3:11] not in row[1]


def test_two_tokens_share_nothing(made: Callable[..., str]) -> None:
    """Each has 256 random bits."""
    tokens = {made("read") for _ in range(20)}

    assert len(tokens) == 20
    assert all(len(token) == len("pc_") + 43 for token in tokens)


def test_a_revoked_token_is_refused_once_it_is_forgotten(database_url: str, made: Callable[..., str]) -> None:
    """It may count for as long as it is remembered, and not a second longer."""
    token, now = made("read"), [0.0]
    looked_up: list[bytes] = []

    async def find(wanted: bytes) -> Grant | None:
        looked_up.append(wanted)
        with psycopg.connect(database_url) as connection:
            query = "SELECT token_id FROM api_tokens WHERE token_hash = %s AND revoked_at IS NULL"
            row = connection.execute(query, (wanted,)).fetchone()
        return Grant(wanted, row[0], "n", frozenset({"read"}), None) if row else None

    gate = Gate(find, None, Rates(0), lambda: now[0])
    _admit(gate, token)
    revoke_token(database_url, list_tokens(database_url)[0].token_id)
    now[0] = REMEMBERED_SECONDS - 0.1
    _admit(gate, token)
    assert len(looked_up) == 1
    now[0] = REMEMBERED_SECONDS
    with pytest.raises(Problem) as refused:
        _admit(gate, token)
    assert refused.value.code == "token"


def test_no_flood_of_tokens_fills_the_memory() -> None:
    """However many are tried; what is no token at all is not even looked up."""
    asked: list[bytes] = []

    async def find(wanted: bytes) -> Grant | None:
        asked.append(wanted)
        return None

    gate = Gate(find, "x" * 20, Rates(0))
    for number in range(REMEMBERED_TOKENS + 50):
        for token in (f"pc_{number:043}", f"other-{number}"):
            with pytest.raises(Problem):
                _admit(gate, token)

    assert len(asked) == REMEMBERED_TOKENS + 50
    assert len(gate._remembered) == REMEMBERED_TOKENS


def test_a_hash_that_is_not_the_tokens_lets_nobody_in() -> None:
    """What is found is compared once more, in constant time: a look-up that errs opens nothing."""

    async def find(_: bytes) -> Grant | None:
        return Grant(b"\0" * 32, "t", "n", frozenset({"read"}), None)

    with pytest.raises(Problem) as refused:
        _admit(Gate(find, None, Rates(0)), "pc_" + "a" * 43)
    assert refused.value.code == "token"


def test_a_database_that_is_away_is_503_and_not_401() -> None:
    """Nobody should throw a good token away for it, and nothing wrong is remembered."""

    async def find(_: bytes) -> Grant | None:
        raise RetryableDatabaseError("away")

    gate = Gate(find, None, Rates(0))
    with pytest.raises(Problem) as refused:
        _admit(gate, "pc_" + "a" * 43)
    assert refused.value.code == "database"
    assert not gate._remembered


def test_each_token_has_its_own_rate(
    start: "Callable[..., Ingress]", database_url: str, made: Callable[..., str]
) -> None:
    """429 with the time to wait, for the one that asks too often, and for nobody else."""
    reader = start(database_url=database_url, api_requests_per_second=0.001)
    busy, calm = made("read"), made("read")
    first, refused = _get(reader, GROUP, busy), _get(reader, GROUP, busy)

    assert _problem(first) == (404, "unknown-group")
    assert _problem(refused) == (429, "rate")
    assert int(refused.headers["retry-after"]) >= 1
    assert _problem(_get(reader, GROUP, calm)) == (404, "unknown-group")


def _admit(gate: Gate, token: str) -> Grant:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return asyncio.run(gate.admit(Request({"type": "http", "headers": headers}), "read"))
