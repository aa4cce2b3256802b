"""Providers against a running application: real senders, tokens in URLs, signed URLs, and the answers they need."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
import standardwebhooks
import structlog
import svix
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    import httpx

    from tests.ingress.conftest import Ingress, Record

NOW = 1_760_097_601_000
PATH = "/api/webhooks/person-change"
BODY = b'{"type":"other"}'
OLD, NEW, STRANGE = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2, 3))
TEXT = "a-secret-that-is-text"
Configured = Callable[..., "Ingress"]
_STANDARD = '[sources.acme]\npreset = "{}"\nadapter = "original"\nsecrets = {}\n'
_ROTATED = '["env:OLD", "env:NEW"]'


@pytest.fixture
def configured(start: "Callable[..., Ingress]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """`configured(toml, **settings)`: the application with these sources."""
    for name, value in {"OLD": OLD, "NEW": NEW, "TEXT": TEXT}.items():
        monkeypatch.setenv(name, value)

    def begin(text: str, **settings: Any) -> "Ingress":
        path = tmp_path / "sources.toml"
        path.write_text(text)
        return start(sources_file=str(path), **settings)

    return begin


def _post(ingress: "Ingress", body: bytes, path: str = f"{PATH}/acme", **headers: str) -> "httpx.Response":
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ingress.run(ingress.send_content(body, {"content-type": "application/json", **named}, path))


def _sent(sender: Any, prefix: str, *secrets: str, body: bytes = BODY, at: int = NOW) -> dict[str, str]:
    """The headers as a sender's own library makes them; with several secrets, one signature of each."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    signatures = [sender(secret).sign("msg_1", moment, body.decode()) for secret in secrets]
    names = {"id": "msg_1", "timestamp": str(at // 1000), "signature": " ".join(signatures)}
    return {f"{prefix}_{name}": value for name, value in names.items()}


SENDERS: dict[str, tuple[str, Any, str]] = {
    "standardwebhooks": ("standard-webhooks", standardwebhooks.Webhook, "webhook"),
    "svix": ("svix", svix.Webhook, "svix"),
    "svix, white-labelled": ("standard-webhooks", svix.Webhook, "webhook"),
}


@pytest.mark.parametrize("name", SENDERS)
def test_real_senders_are_stored(
    configured: Configured,
    servers_of_test: dict[str, Any],
    records: "Callable[[], list[Record]]",
    example: dict[str, Any],
    name: str,
) -> None:
    """What their own libraries sign is answered 202 and is in the log, under the configured source's name."""
    preset, sender, prefix = SENDERS[name]
    ingress = configured(_STANDARD.format(preset, '["env:OLD"]'), **servers_of_test)
    body = json.dumps(example).encode()
    answer = _post(ingress, body, **_sent(sender, prefix, OLD, body=body))

    assert (answer.status_code, answer.json()) == (202, {"status": "enqueued", "eventId": "evt_test_001"})
    assert [(record.change.source, record.change.event_id) for record in records()] == [("acme", "evt_test_001")]


@pytest.mark.parametrize("name", SENDERS)
def test_real_senders_are_taken_while_their_secret_is_rotated(configured: Configured, name: str) -> None:
    """Signed with the old one, the new one, or both; never with another one. The metric says which one proved it."""
    preset, sender, prefix = SENDERS[name]
    ingress = configured(_STANDARD.format(preset, _ROTATED))

    def status(*secrets: str) -> int:
        return _post(ingress, BODY, **_sent(sender, prefix, *secrets)).status_code

    assert [status(OLD), status(NEW), status(OLD, NEW), status(STRANGE, NEW), status(STRANGE)] == [200] * 4 + [401]
    assert ingress.measured('ingress_webhooks_proven_total{secret="env:OLD",source="acme"}') == 2
    assert ingress.measured('ingress_webhooks_proven_total{secret="env:NEW",source="acme"}') == 2
    assert ingress.measured('ingress_signatures_refused_total{reason="mismatch",source="acme"}') == 1


def test_a_rotation_can_be_planned(configured: Configured) -> None:
    """The new secret counts from its time on, the old one until its own."""
    day = "2025-10-10T12:00"
    keys = f'[{{ref = "env:OLD", not_after = {day}:10Z}}, {{ref = "env:NEW", not_before = {day}:05Z}}]'
    ingress = configured(_STANDARD.format("standard-webhooks", keys))

    def taken(secret: str) -> bool:
        headers = _sent(standardwebhooks.Webhook, "webhook", secret, at=ingress.now)
        return _post(ingress, BODY, **headers).status_code == 200

    seen = []
    for second in (1, 7, 11):
        ingress.now = NOW + (second - 1) * 1000
        seen.append((taken(OLD), taken(NEW)))
    assert seen == [(True, False), (True, True), (False, True)]


def test_a_key_pair_is_taken_too(configured: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    """`v1a`, Ed25519: no Python sender has it, so it is signed by the letter of the specification."""
    private = Ed25519PrivateKey.generate()
    monkeypatch.setenv("PUBLIC", "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode())
    ingress = configured(_STANDARD.format("standard-webhooks-v1a", '["env:PUBLIC"]'))
    signature = base64.b64encode(private.sign(f"msg_1.{NOW // 1000}.".encode() + BODY)).decode()
    headers = {"webhook_id": "msg_1", "webhook_timestamp": str(NOW // 1000)}

    assert _post(ingress, BODY, **headers, webhook_signature=f"v1a,{signature}").status_code == 200
    assert _post(ingress, BODY + b" ", **headers, webhook_signature=f"v1a,{signature}").status_code == 401


def _lusha(body: bytes) -> dict[str, str]:
    digest = hmac.new(TEXT.encode(), f"{NOW // 1000}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x_lusha_signature": digest, "x_lusha_timestamp": str(NOW // 1000)}


@pytest.mark.parametrize(("payload", "known"), [({"id": "f3b8", "type": "x"}, "f3b8"), ({"type": "x"}, "")])
def test_lusha_gets_the_answer_it_requires(configured: Configured, payload: dict[str, str], known: str) -> None:
    """Also for what changes no buyer group; without this document Lusha ends the subscription."""
    ingress = configured('[sources.acme]\npreset = "lusha"\nadapter = "original"\nsecrets = ["env:TEXT"]\n')
    body = json.dumps(payload).encode()
    answer = _post(ingress, body, **_lusha(body))

    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.json() == {"received": True, "timestamp": "2025-10-10T12:00:01.000Z", "webhookId": known}


def test_an_answer_that_is_due_is_not_given_for_nothing(configured: Configured, example: dict[str, Any]) -> None:
    """What was not stored is 503 and what is not signed 401, whatever a provider wants to hear of success."""
    ingress = configured('[sources.acme]\npreset = "lusha"\nadapter = "original"\nsecrets = ["env:TEXT"]\n')
    body = json.dumps(example).encode()

    assert _post(ingress, body, **_lusha(body)).status_code == 503
    assert _post(ingress, body, **_lusha(BODY)).status_code == 401


_TOKEN_URL = f"{PATH}/acme/{TEXT}"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (_TOKEN_URL, {}, 200),
        (f"{PATH}/acme?token={TEXT}", {}, 200),
        (f"{PATH}/acme", {"authorization": f"Bearer {TEXT}"}, 200),
        (f"{_TOKEN_URL}x", {}, 401),
        (f"{PATH}/acme?token=x", {}, 401),
        (f"{PATH}/acme", {}, 401),
        (f"{_TOKEN_URL}/", {}, 404),
        (f"{_TOKEN_URL}/x", {}, 404),
        (f"{PATH}/generic/{TEXT}", {}, 404),
        (f"{PATH}/nobody/{TEXT}", {}, 404),
    ],
)
def test_coresignal_shows_a_token(configured: Configured, path: str, headers: dict[str, str], status: int) -> None:
    """In the URL that it was given, or in a header; the answer is an empty 200, and none repeats the token."""
    ingress = configured('[sources.acme]\npreset = "coresignal"\nadapter = "original"\nsecrets = ["env:TEXT"]\n')
    answer = _post(ingress, BODY, path, **headers)

    assert answer.status_code == status
    assert TEXT not in answer.text
    assert (answer.content == b"") == (status == 200)


def test_a_token_in_the_path_is_nowhere_else(configured: Configured) -> None:
    """Not in the documentation that its URL gives, and not in the log of a fault of ours."""
    ingress = configured('[sources.acme]\npreset = "coresignal"\nadapter = "original"\nsecrets = ["env:TEXT"]\n')
    documented = ingress.get(_TOKEN_URL)
    with (
        structlog.testing.capture_logs() as lines,
        patch("ingress.webhooks.parse_json", side_effect=ZeroDivisionError),
    ):
        answer = _post(ingress, BODY, _TOKEN_URL)

    assert answer.status_code == 500
    assert answer.json()["type"].endswith(":bug")
    assert documented.json()["path"] == f"{PATH}/acme/{{token}}"
    assert TEXT not in documented.text
    assert lines
    assert TEXT not in str(lines)
    assert f"{PATH}/{{source}}/{{token}}" in str(lines)


def test_what_is_unsigned_is_taken_only_where_it_is_said(configured: Configured) -> None:
    """It shows in the metrics before the first webhook and with each; other sources are guarded as ever."""
    with structlog.testing.capture_logs() as lines:
        ingress = configured('[sources.acme]\nmode = "none"\nallow_unsigned = true\n')

    assert ingress.measured('ingress_sources{mode="none",source="acme"}') == 1
    assert ingress.measured('ingress_sources{mode="hmac",source="generic"}') == 1
    assert any(line["log_level"] == "warning" and line.get("source") == "acme" for line in lines)
    assert _post(ingress, BODY).status_code == 200
    assert _post(ingress, BODY, f"{PATH}/generic").status_code == 401
    assert ingress.measured('ingress_webhooks_proven_total{secret="none",source="acme"}') == 1
    assert ingress.get(f"{PATH}/acme").json()["signature"] == {"scheme": "none"}


@pytest.mark.parametrize("own", ["", 'public_url = "https://hooks.test/in/"\n'])
def test_a_signed_url_is_the_configured_one(configured: Configured, own: str) -> None:
    """`PUBLIC_URL`, or the source's own; what a request says of its host counts for nothing."""
    text = f'[sources.acme]\npreset = "hubspot-v3"\nadapter = "original"\nsecrets = ["env:TEXT"]\n{own}'
    ingress = configured(text, public_url="https://other.test" if own else "https://hooks.test/in")

    def status(url: str, **headers: str) -> int:
        message = f"POST{url}".encode() + BODY + str(NOW).encode()
        digest = base64.b64encode(hmac.new(TEXT.encode(), message, hashlib.sha256).digest()).decode()
        signed = {"x_hubspot_signature_v3": digest, "x_hubspot_request_timestamp": str(NOW)}
        return _post(ingress, BODY, f"{PATH}/acme?x=%20y", **signed, **headers).status_code

    forwarded = {"host": "evil.test", "x_forwarded_host": "evil.test", "x_forwarded_proto": "http"}
    assert status(f"https://hooks.test/in{PATH}/acme?x=%20y") == 200
    assert status(f"https://hooks.test/in{PATH}/acme?x=%20y", **forwarded) == 200
    assert status(f"http://evil.test{PATH}/acme?x=%20y", **forwarded) == 401
    assert status(f"http://ingress{PATH}/acme?x=%20y") == 401


def test_company_ids_of_theirs_are_not_ours(
    configured: Configured,
    servers_of_test: dict[str, Any],
    records: "Callable[[], list[Record]]",
) -> None:
    """Each gets its source's name before it, in the key too, so that two providers' `1` are two companies."""
    text = '[sources.acme]\npreset = "github"\nsecrets = ["env:TEXT"]\ncompany_ids = "theirs"\n'
    ingress = configured(text, **servers_of_test)
    move = {"id": "e1", "type": "person.company_change", "person": {"id": "p", "oldCompany": 1}, "company": {"id": 2}}
    body = json.dumps(move).encode()
    digest = hmac.new(TEXT.encode(), body, hashlib.sha256).hexdigest()

    assert _post(ingress, body, x_hub_signature_256=f"sha256={digest}").status_code == 202
    stored = [(record.key, record.change.company.id, record.change.other_company) for record in records()]
    assert sorted((key, company, other.id if other else "") for key, company, other in stored) == [
        (b"acme:1", "acme:1", "acme:2"),
        (b"acme:2", "acme:2", "acme:1"),
    ]


def test_person_ids_of_theirs_are_not_ours(
    configured: Configured,
    servers_of_test: dict[str, Any],
    records: "Callable[[], list[Record]]",
) -> None:
    """Each gets its source's name before it, so that two providers' `1` are two people; the company's stays ours."""
    text = "".join(
        f'[sources.{name}]\npreset = "github"\nsecrets = ["env:TEXT"]\nperson_ids = "theirs"\n'
        for name in ("acme", "north")
    )
    ingress = configured(text, **servers_of_test)
    body = json.dumps({"id": "e1", "type": "person.promotion", "person": {"id": 1}, "company": {"id": 2}}).encode()
    digest = hmac.new(TEXT.encode(), body, hashlib.sha256).hexdigest()
    for name in ("acme", "north"):
        answer = _post(ingress, body, f"{PATH}/{name}", x_hub_signature_256=f"sha256={digest}")
        assert answer.status_code == 202

    stored = [(record.key, record.change.person) for record in records()]
    assert sorted((key, person.id if person else "") for key, person in stored) == [(b"2", "acme:1"), (b"2", "north:1")]


def test_an_id_that_grows_too_long_is_the_sender_s_to_learn(configured: Configured) -> None:
    """The source's name counts for the limit of an id: 422, never 500."""
    ingress = configured('[sources.acme]\npreset = "github"\nsecrets = ["env:TEXT"]\ncompany_ids = "theirs"\n')
    said = {"id": "e1", "type": "person.promotion", "person": "p", "company": {"id": "x" * 254}}
    body = json.dumps(said).encode()
    digest = hmac.new(TEXT.encode(), body, hashlib.sha256).hexdigest()
    answer = _post(ingress, body, x_hub_signature_256=f"sha256={digest}")

    assert (answer.status_code, answer.json()["field"]) == (422, "company.id")


def test_without_generic_the_original_url_belongs_to_nobody(configured: Configured) -> None:
    """A file of sources and no `WEBHOOK_SECRET`: 404 for POST and GET, and the named source still answers."""
    ingress = configured('[sources.acme]\npreset = "github"\nsecrets = ["env:TEXT"]\n', webhook_secret="")

    assert _post(ingress, BODY, PATH).status_code == 404
    assert ingress.get(PATH).status_code == 404
    assert ingress.get(f"{PATH}/acme").status_code == 200
