"""L9: no unsigned write, no read without a token, no secret in a log (more of it: tests/ingress)."""

import time

import httpx
import pytest

from local.welcome import EXAMPLE, signed_curl
from tests.support.system import SECRET, System, wait_for

TOKEN = "a-token-that-nobody-guesses"
WEBHOOK = "/api/webhooks/person-change"


@pytest.fixture
def url(system: System) -> str:
    """A running ingress."""
    address = system.start_ingress(API_TOKEN=TOKEN)
    wait_for("ingress", lambda: "ingress listens" in system.children[-1].log.read_text())
    return address


@pytest.mark.parametrize("path", [WEBHOOK, f"{WEBHOOK}/generic"])
def test_no_unsigned_write(system: System, url: str, path: str) -> None:
    """Whatever else is right with it, its time for one."""
    now = str(time.time_ns() // 1_000_000)
    for headers in ({}, {"x-signature": "0" * 64}, {"x-timestamp": now}, {"x-timestamp": now, "x-signature": "0" * 64}):
        answer = httpx.post(url + path, content=EXAMPLE, headers={"content-type": "application/json"} | headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
    assert sum(system.ends().values()) == 0


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_no_read_without_a_token(url: str, token: str | None) -> None:
    """Nothing of a group, not even whether there is one."""
    headers = {} if token is None else {"authorization": token}

    answer = httpx.get(f"{url}/api/v1/intelligence/buyer-group/acme", headers=headers)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_no_secret_in_a_log(system: System, url: str) -> None:
    """Not of those who may, and not of those who may not; an answer does not tell what would have been right."""
    right = signed_curl(url, SECRET, 1_760_000_000_000).partition("x-signature: ")[2][:64]
    answer = httpx.post(
        url + WEBHOOK,
        content=EXAMPLE,
        headers={"content-type": "application/json", "x-timestamp": "1760000000000", "x-signature": "0" * 64},
    )
    httpx.get(f"{url}/api/v1/intelligence/buyer-group/acme", headers={"authorization": f"Bearer {TOKEN}"})
    consumer = system.start_consumer()
    wait_for("partitions", lambda: system.assigned(consumer))
    codes = [system.stop(child) for child in system.children]

    logs = "".join(child.log.read_text() for child in system.children)
    password = system.database_url.partition("://")[2].partition("@")[0].partition(":")[2]
    assert codes == [0, 0]
    assert logs
    for secret in (SECRET, TOKEN, right, password):
        assert secret
        assert secret not in logs
    assert right not in answer.text
