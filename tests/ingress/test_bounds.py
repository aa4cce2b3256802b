"""No request can exhaust memory or time (law L9), and every address answers by the letter of HTTP."""

import asyncio
import gzip
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.ingress.conftest import Ingress

PATH = "/api/webhooks/person-change"
NOW = 1_760_097_601_000
LIMIT = 2048
SKIPPED = b'{"type":"other"}'
Sign = Callable[..., dict[str, str]]


@pytest.fixture
def small(start: "Callable[..., Ingress]") -> "Ingress":
    """Takes 2 KiB, one request at a time, and waits a twentieth of a second for a body."""
    return start(max_body_bytes=LIMIT, body_timeout_seconds=0.05, max_open_requests=1, publish_timeout_seconds=0.1)


def _problem(answer: "httpx.Response", status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["type"], document["status"]) == (f"urn:person-changes:problem:{code}", status)
    assert document["title"]
    return document


def _raw(headers: dict[str, str]) -> dict[bytes, bytes]:
    """In the encoding of HTTP, which has more letters than ASCII."""
    return {name.encode(): value.encode("latin-1") for name, value in headers.items()}


def _padded(size: int) -> bytes:
    return SKIPPED + b" " * (size - len(SKIPPED))


def test_the_limit_is_to_the_byte(small: "Ingress") -> None:
    """As large as the limit is taken, one byte more is not; the answer says what the limit is."""
    assert small.post_bytes(_padded(LIMIT)).status_code == 200
    refused = small.post_bytes(_padded(LIMIT + 1))

    assert str(LIMIT) in _problem(refused, 413, "too-large")["detail"]
    assert refused.headers["connection"] == "close"


def test_a_body_without_a_length_is_refused_while_it_is_read(small: "Ingress", sign: Sign) -> None:
    """Of an endless body no more than the limit is read."""
    parts = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal parts
        while parts < 1000:
            parts += 1
            yield b"x" * 512

    answer = small.run(small.send_content(endless(), sign(b"", NOW)))

    assert _problem(answer, 413, "too-large")
    assert parts == LIMIT // 512 + 1


@pytest.mark.parametrize("said", ["999999999", "9" * 400])
def test_a_length_over_the_limit_is_refused_before_anything_is_read(small: "Ingress", sign: Sign, said: str) -> None:
    """Whoever announces too much is told so at once."""
    read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read = True
        yield SKIPPED

    answer = small.run(small.send_content(body(), {**sign(SKIPPED, NOW), "content-length": said}))

    assert _problem(answer, 413, "too-large")
    assert not read


@pytest.mark.parametrize("said", ["1", "0", "-5", "many", "", "²"])
def test_a_length_that_lies_lets_nobody_past_the_limit(small: "Ingress", sign: Sign, said: str) -> None:
    """The bytes are counted, whatever the header says."""

    async def body() -> AsyncIterator[bytes]:
        yield _padded(LIMIT)
        yield b" "

    headers = {**sign(SKIPPED, NOW), "content-length": said}
    answer = small.run(small.client.post(PATH, content=body(), headers=_raw(headers)))

    assert _problem(answer, 413, "too-large")


def test_a_body_in_parts_is_one_body(small: "Ingress", sign: Sign) -> None:
    """The signature is of all parts together."""

    async def body() -> AsyncIterator[bytes]:
        for byte in SKIPPED:
            yield bytes([byte])

    assert small.run(small.send_content(body(), sign(SKIPPED, NOW))).status_code == 200


def test_a_slow_body_is_given_up(small: "Ingress", sign: Sign) -> None:
    """408 after the time that a body has in all, though some of it comes again and again."""

    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b" "
            await asyncio.sleep(0.01)

    began = time.monotonic()
    answer = small.run(small.send_content(dripping(), sign(SKIPPED, NOW)))

    assert "0.05 s" in _problem(answer, 408, "slow")["detail"]
    assert answer.headers["connection"] == "close"
    assert time.monotonic() - began < 1


def test_too_many_at_once_are_put_off(start: "Callable[..., Ingress]", sign: Sign) -> None:
    """Beyond the limit 503 with the time to come back; when one is answered, the next is taken."""
    small = start(max_open_requests=2)
    gate = asyncio.Event()

    async def held() -> AsyncIterator[bytes]:
        await gate.wait()
        yield SKIPPED

    async def crowd() -> "list[httpx.Response]":
        held_up = [asyncio.create_task(small.send_content(held(), sign(SKIPPED, NOW))) for _ in range(2)]
        await asyncio.sleep(0.01)
        third = await small.send(SKIPPED)
        gate.set()
        return [third, *await asyncio.gather(*held_up), await small.send(SKIPPED)]

    third, *others = small.run(crowd())

    assert "2 webhooks" in _problem(third, 503, "busy")["detail"]
    assert int(third.headers["retry-after"]) > 0
    assert [answer.status_code for answer in others] == [200, 200, 200]


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", "gzip, identity", "é"])
def test_a_compressed_body_is_refused(offline: "Ingress", sign: Sign, encoding: str) -> None:
    """A small body can become a huge one; what was compressed is not what was signed."""
    packed = gzip.compress(SKIPPED)
    headers = _raw({**sign(packed, NOW), "content-encoding": encoding})
    answer = offline.run(offline.client.post(PATH, content=packed, headers=headers))

    assert "content-encoding" in _problem(answer, 415, "media-type")["detail"]


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json", "application/jsonp", "text/x+json"],
)
def test_another_type_than_json_is_refused(offline: "Ingress", kind: str) -> None:
    """415 names the type that came."""
    answer = offline.post_bytes(SKIPPED, content_type=kind)

    assert kind in _problem(answer, 415, "media-type")["detail"]


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json", ""],
)
def test_any_name_of_json_is_taken(offline: "Ingress", kind: str) -> None:
    """With parameters, in any case, as a subtype, or not named at all."""
    assert offline.post_bytes(SKIPPED, content_type=kind, content_encoding="identity").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (PATH, {"GET", "HEAD", "POST"}),
        (PATH + "/generic", {"GET", "HEAD", "POST"}),
        ("/healthz", {"GET", "HEAD"}),
        ("/api/v1/intelligence/buyer-group/acme", {"GET", "HEAD"}),
    ],
)
def test_another_method_is_told_which_there_are(offline: "Ingress", method: str, path: str, allowed: set[str]) -> None:
    """405 with Allow."""
    answer = offline.get(path, method)

    assert method in _problem(answer, 405, "method")["detail"]
    assert {name.strip() for name in answer.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("name", ["unknown", "Generic", "generic%2F", "..%2f", "%00", "%ED%A0%80", "x" * 5000])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_source_is_404(offline: "Ingress", method: str, name: str) -> None:
    """Whatever its name, and whatever the method."""
    answer = offline.get(f"{PATH}/{name}", method)

    assert answer.status_code == 404
    assert answer.json()["type"].endswith(("unknown-source", "not-found"))


@pytest.mark.parametrize(
    "path",
    [PATH + "/", PATH + "/generic/", "/healthz/", "/readyz/", "/metrics/", "/api", "/nothing", "/%00", "/é"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_there_is_404_and_never_a_redirect(offline: "Ingress", method: str, path: str) -> None:
    """A redirect would lose the body of a POST: a slash too many is another address."""
    answer = offline.get(path, method)

    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", [PATH, PATH + "/generic"])
def test_the_webhook_documents_itself(offline: "Ingress", example: dict[str, Any], path: str) -> None:
    """GET tells a sender all that is needed, without broker and database; HEAD is the same without the body."""
    answer, head = offline.get(path), offline.get(path, "HEAD")

    assert (answer.status_code, head.status_code) == (200, 200)
    assert head.content == b""
    assert head.headers == answer.headers
    document = answer.json()
    assert (document["method"], document["path"]) == ("POST", path)
    assert document["example"] == example
    assert set(document["signature"]["headers"]) == {"x-signature", "x-timestamp"}
    assert "person.company_change" in document["types"]
    assert document["maxBodyBytes"] == offline.settings.max_body_bytes
    assert {"202", "200", "400", "401", "404", "408", "413", "415", "422", "429", "503"} == set(document["answers"])


def test_the_documented_example_is_taken_as_it_stands(ingress: "Ingress") -> None:
    """Whoever copies it from the documentation and signs it gets 202."""
    document = ingress.get(PATH).json()

    assert ingress.post(document["example"]).status_code == 202


def test_the_index_lists_addresses_that_there_are(offline: "Ingress", monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them is 404."""
    monkeypatch.setattr("ingress.publisher.METADATA_SECONDS", 0.05)
    addresses = offline.get("/").json()["addresses"]
    answers = {path: offline.get(re.sub(r"\{\w+\}", "x", path)).status_code for path in addresses}

    assert answers.pop("/readyz") == 503
    assert answers == {
        PATH: 200,
        "/api/v1/intelligence/buyer-group/{company_id}": 401,
        "/api/v1/intelligence/buyer-group/{company_id}/history": 401,
        "/api/v1/intelligence/buyer-group/refresh": 401,
        "/api/v1/intelligence/buyer-group/role": 401,
        "/api/v1/events/{source}/{event_id}": 401,
        "/docs": 200,
        "/openapi.json": 200,
        "/healthz": 200,
        "/metrics": 200,
    }
