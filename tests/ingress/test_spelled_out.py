"""Schemes that a user spells out: every encoding, digest and unit, and refused when they would prove nothing."""

import base64
import hashlib
import hmac
from typing import Any

import pytest
from pydantic import ValidationError

from ingress.signatures import SignatureError
from ingress.signatures.keys import Key
from ingress.signatures.scheme import Scheme
from ingress.signatures.signed import signed

NOW = 1_760_097_601_000
BODY = b'{"type":"other"}'
_SHARED = b"a key of thirty-two bytes, at least"
_PLAIN: dict[str, Any] = {"mode": "hmac", "message": "{body}", "signature": {"header": "x-sig"}}
_TIMED: dict[str, Any] = {**_PLAIN, "message": "{timestamp}{body}", "timestamp": {"header": "x-time", "unit": "iso"}}


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64", "base64url"])
def test_each_digest_in_each_encoding(digest: str, encoding: str) -> None:
    """Only the declared encoding counts; the padding of base64url may be left out."""
    scheme = Scheme.model_validate({**_PLAIN, "digest": digest, "encoding": encoding})
    verifier = signed(scheme, (Key("k", _SHARED),), 1, 1)
    right = hmac.new(_SHARED, BODY, digest).digest()
    spelled = {
        "hex": [right.hex().encode()],
        "base64": [base64.b64encode(right)],
        "base64url": [base64.urlsafe_b64encode(right), base64.urlsafe_b64encode(right).rstrip(b"=")],
    }
    for name, spellings in spelled.items():
        for spelling in spellings:
            if name == encoding or (spelling in spelled[encoding]):
                assert verifier.verify({b"x-sig": spelling}, BODY, NOW) == "k"
            else:
                with pytest.raises(SignatureError, match="x-sig is not"):
                    verifier.verify({b"x-sig": spelling}, BODY, NOW)


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2025-10-10T12:00:01Z", None),
        ("2025-10-10T14:00:01.000+02:00", None),
        ("2025-10-10T11:50:00Z", "expired"),
        ("2025-10-10T12:02:00Z", "ahead"),
        ("2025-10-10T12:00:01", "malformed"),
        ("2025-13-10T12:00:01Z", "malformed"),
        ("1760097601", "malformed"),
    ],
)
def test_a_time_in_iso_8601(time: str, reason: str | None) -> None:
    """With its offset, to be one moment everywhere."""
    verifier = signed(Scheme.model_validate(_TIMED), (Key("k", _SHARED),), 300_000, 60_000)
    right = hmac.new(_SHARED, time.encode() + BODY, hashlib.sha256).hexdigest().encode()
    headers = {b"x-sig": right, b"x-time": time.encode()}
    if reason is None:
        assert verifier.verify(headers, BODY, NOW) == "k"
    else:
        with pytest.raises(SignatureError) as caught:
            verifier.verify(headers, BODY, NOW)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"mode": "none"}, "leave message"),
        ({"message": None}, "needs message and signature"),
        ({"message": "{bdy}"}, "stray"),
        ({"message": "x"}, "{body} once"),
        ({"message": "{body}{body}"}, "{body} once"),
        ({"message": "{timestamp}.{body}"}, "timestamp must be in message"),
        ({"timestamp": {"header": "x-time"}}, "timestamp must be in message"),
        ({"id": "x-id"}, "id must be in message"),
        ({"id": "x-id", "message": "{id}{body}"}, "a literal after {id}"),
        ({"tokens": [{"query": "t"}]}, "tokens says where"),
        ({"allow_unsigned": True}, "allow_unsigned is for mode none"),
        ({"challenge": "linkedin", "key": {"decode": "hex"}}, "a challenge"),
        ({"signature": {"header": "x-sig", "grammar": "pairs"}}, "need it"),
        ({"signature": {"header": "x-sig", "field": "v1"}}, "need it"),
        ({"signature": {"header": "x-sig", "grammar": "pairs", "field": "v1", "prefix": "x"}}, "names its entries"),
        ({"message": "{timestamp}{body}", "timestamp": {"header": "x-sig", "field": "t"}}, "grammar = pairs"),
        ({"message": "{timestamp}{body}", "timestamp": {"header": "x-time", "field": "t"}}, "own header"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_a_scheme_that_proves_nothing_is_refused(changed: dict[str, Any], why: str) -> None:
    """What would be compiled into a verifier that lets strangers in, or nobody."""
    with pytest.raises(ValidationError) as caught:
        Scheme.model_validate({**_PLAIN, **changed})

    assert why in str(caught.value)


@pytest.mark.parametrize("place", [{}, {"query": "a", "path": True}, {"query": "a", "prefix": "Bearer "}])
def test_a_token_stands_in_one_place_at_a_time(place: dict[str, Any]) -> None:
    """Each entry of `tokens` names exactly one."""
    with pytest.raises(ValidationError):
        Scheme.model_validate({"mode": "token", "tokens": [place]})


def test_mode_none_must_be_meant() -> None:
    """It is a word of its own, so that no mistake in another setting leads to it."""
    with pytest.raises(ValidationError, match="allow_unsigned = true"):
        Scheme.model_validate({"mode": "none"})

    assert Scheme.model_validate({"mode": "none", "allow_unsigned": True}).mode == "none"
