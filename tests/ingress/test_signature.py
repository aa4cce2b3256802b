"""Nobody gets in without a signature (law L9): verified on the raw bytes, before anything is parsed."""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from ingress.presets import presets
from ingress.signatures import SignatureError
from ingress.signatures.keys import Key
from ingress.signatures.signed import signed

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

Sign = Callable[..., dict[str, str]]

NOW = 1_760_097_601_000
SECRET, NEXT_SECRET = "the first secret of the tests", "the next secret of the tests"
BODY = b'{"type":"other"}'
TAKEN = 200
"""An authentic body of a type that is skipped: no broker is needed to tell it from 401."""
_MINUTE = 60_000
_KEYS = (Key("first", SECRET.encode()), Key("next", NEXT_SECRET.encode()))
_VERIFIER = signed(presets()["original"], _KEYS, 5 * _MINUTE, _MINUTE)


def _headers(signature: str | None = None, timestamp: str | None = None, secret: str = SECRET) -> dict[bytes, bytes]:
    timestamp = str(NOW) if timestamp is None else timestamp
    if signature is None:
        signature = hmac.new(secret.encode(), timestamp.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    return {b"x-signature": signature.encode("latin-1"), b"x-timestamp": timestamp.encode("latin-1")}


def _refusal(headers: dict[bytes, bytes], body: bytes = BODY, now: int = NOW) -> SignatureError:
    with pytest.raises(SignatureError) as caught:
        _VERIFIER.verify(headers, body, now)
    return caught.value


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
@pytest.mark.parametrize("spell", [str.lower, str.upper])
def test_every_active_secret_proves_the_sender(secret: str, spell: Callable[[str], str]) -> None:
    """While a secret is rotated out, the old and the new one both count; hex digits may be of either case."""
    headers = _headers(secret=secret)
    _VERIFIER.verify({**headers, b"x-signature": spell(headers[b"x-signature"].decode()).encode()}, BODY, NOW)


@pytest.mark.parametrize("bit", range(0, 8 * len(BODY), 5))
def test_a_body_changed_by_one_bit_is_another_body(bit: int) -> None:
    """Any single changed bit is seen."""
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8

    assert _refusal(_headers(), bytes(changed)).reason == "mismatch"


def test_the_timestamp_is_signed() -> None:
    """A captured request cannot be given a new time, nor can its point move between the two."""
    signature = _headers()[b"x-signature"].decode()

    assert _refusal(_headers(signature, str(NOW + 1))).reason == "mismatch"
    assert _refusal(_headers(signature, str(NOW)[:-1]), str(NOW).encode()[-1:] + BODY, NOW // 10).reason == "mismatch"


@pytest.mark.parametrize("name", [b"x-signature", b"x-timestamp"])
@pytest.mark.parametrize("shown", [None, b""])
def test_a_missing_header_is_named(name: bytes, shown: bytes | None) -> None:
    """Absent or empty: the sender is told which."""
    headers = {key: value for key, value in _headers().items() if key != name}
    error = _refusal(headers if shown is None else {**headers, name: shown})

    assert error.reason == "missing"
    assert name.decode() in error.detail


@pytest.mark.parametrize(
    "signature",
    ["x" * 64, "a" * 63, "a" * 65, "sha256=" + "a" * 64, " " + "a" * 63, "a" * 64 + "\n", "é" * 64, "0x" * 32],
)
def test_what_is_no_hex_of_64_digits_is_malformed(signature: str) -> None:
    """Anything else is refused by its form, so that a sender who encodes otherwise learns why."""
    error = _refusal(_headers(signature))

    assert error.reason == "malformed"
    assert "x-signature" in error.detail


@pytest.mark.parametrize(
    "timestamp",
    [
        "now",
        "1e12",
        "-1760097601000",
        "+1760097601000",
        " 1760097601000",
        "1_760_097_601_000",
        "1760097601.5",
        "²",
        "9" * 5000,
        "2025-10-10T12:00:00Z",
    ],
)
def test_what_is_no_whole_number_of_ms_is_malformed(timestamp: str) -> None:
    """Signed or not: the form of the time is checked by the letter."""
    error = _refusal(_headers("a" * 64, timestamp))

    assert error.reason == "malformed"
    assert "x-timestamp" in error.detail


def test_seconds_are_told_from_ms() -> None:
    """The commonest mistake of senders gets a sentence of its own."""
    error = _refusal(_headers(timestamp=str(NOW // 1000)))

    assert error.reason == "malformed"
    assert "not in seconds" in error.detail


@pytest.mark.parametrize(
    ("signed_ago", "reason"),
    [(5 * _MINUTE, None), (5 * _MINUTE + 1, "expired"), (-_MINUTE, None), (-_MINUTE - 1, "ahead")],
)
def test_the_window_is_five_minutes_back_and_one_ahead(signed_ago: int, reason: str | None) -> None:
    """To the millisecond; the right signature does not help outside of it."""
    headers = _headers(timestamp=str(NOW - signed_ago))
    if reason is None:
        _VERIFIER.verify(headers, BODY, NOW)
    else:
        assert _refusal(headers).reason == reason


def test_the_description_gives_no_secret_away() -> None:
    """Senders read the scheme, its window and its headers in the documentation, and nothing else."""
    described = _VERIFIER.describe()

    assert described["maxAgeSeconds"] == 300
    assert described["maxAheadSeconds"] == 60
    assert set(described["headers"]) == {"x-signature", "x-timestamp"}
    assert SECRET not in str(described)
    assert NEXT_SECRET not in str(described)


def test_a_signed_request_is_taken(offline: "Ingress") -> None:
    """The other tests of this file could all pass on a server that refuses everybody."""
    assert offline.post_bytes(BODY).status_code == TAKEN


def test_during_a_rotation_both_secrets_are_taken(start: "Callable[..., Ingress]", sign: Sign) -> None:
    """Two secrets, comma-separated: requests of either are taken, of a third they are not."""
    ingress = start(webhook_secret=f"{SECRET}, {NEXT_SECRET}")
    secrets = (SECRET, NEXT_SECRET, "the third secret of the tests")
    answers = [ingress.run(ingress.send_content(BODY, sign(BODY, NOW, secret))) for secret in secrets]

    assert [answer.status_code for answer in answers] == [TAKEN, TAKEN, 401]


_CASES: dict[str, dict[str, str | None]] = {
    "mismatch": {"x-signature": "0" * 64},
    "malformed": {"x-signature": "sha256=abc"},
    "missing": {"x-signature": None},
}


@pytest.mark.parametrize("reason", sorted(_CASES))
def test_a_wrong_signature_is_401(start: "Callable[..., Ingress]", sign: Sign, reason: str) -> None:
    """The problem document and the metric name the reason."""
    offline = start()
    headers = {name: value for name, value in {**sign(BODY, NOW), **_CASES[reason]}.items() if value is not None}
    answer = offline.run(offline.send_content(BODY, headers))

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == reason
    assert offline.measured(f'ingress_signatures_refused_total{{reason="{reason}",source="generic"}}') == 1


@pytest.mark.parametrize(("lead", "reason"), [(-10 * _MINUTE, "expired"), (2 * _MINUTE, "ahead")])
def test_a_right_signature_of_another_time_is_401(offline: "Ingress", sign: Sign, lead: int, reason: str) -> None:
    """Ten minutes old is a replay, two minutes ahead a clock nobody can trust."""
    answer = offline.run(offline.send_content(BODY, sign(BODY, NOW + lead)))

    assert (answer.status_code, answer.json()["reason"]) == (401, reason)


def test_the_signature_is_of_the_bytes_that_came(offline: "Ingress", sign: Sign) -> None:
    """The same JSON with one space more is another body."""
    answer = offline.run(offline.send_content(BODY.replace(b":", b": "), sign(BODY, NOW)))

    assert answer.status_code == 401


@pytest.mark.parametrize("garbage", [b"", b"{", b"\xff\xfe", b"null", b'{"type":"person.promotion"}'])
def test_nothing_is_parsed_for_strangers(offline: "Ingress", sign: Sign, garbage: bytes) -> None:
    """A body that is no change is 401 for those who did not sign it, and only for those who did 400 or 422."""
    stranger = offline.run(offline.send_content(garbage, sign(garbage, NOW, "not the secret at all")))
    sender = offline.post_bytes(garbage)

    assert stranger.status_code == 401
    assert sender.status_code in {400, 422}


def test_both_urls_of_a_source_are_guarded(offline: "Ingress") -> None:
    """The URL that names the source asks for the same signature."""
    path = "/api/webhooks/person-change/generic"

    assert offline.post_bytes(BODY, path).status_code == TAKEN
    assert offline.post_bytes(BODY, path, x_signature="0" * 64).status_code == 401


@contextmanager
def _everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        found: list[Any] = []
        yield found
        found += [*lines, *(record.getMessage() for record in caplog.records)]


def test_nothing_gives_the_secret_or_the_right_signature_away(
    offline: "Ingress", sign: Sign, example: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """No answer, header or log line holds the secret or what would have been right, whatever the request."""
    right = sign(BODY, NOW)["x-signature"]
    wrong = ["0" * 64, right[:-1] + ("0" if right[-1] != "0" else "1"), "x", right + "0"]
    with _everything_logged(caplog) as logged:
        answers = [offline.post_bytes(BODY, x_signature=signature) for signature in wrong]
        answers += [offline.post_bytes(BODY, x_timestamp=str(NOW + 1)), offline.get("/api/webhooks/person-change")]
        stored = offline.post(example)  # it fails, for there is no broker, and that is logged
    seen = "".join(f"{answer.headers} {answer.text}" for answer in [*answers, stored]) + str(logged)

    assert [answer.status_code for answer in answers] == [401] * 5 + [200]
    assert stored.status_code == 503
    assert logged
    assert SECRET not in seen
    assert SECRET.encode().hex() not in seen
    assert right not in seen
