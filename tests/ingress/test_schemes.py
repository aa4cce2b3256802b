"""What holds for every scheme, preset or spelled out: no stranger gets in, and nothing but a refusal is raised."""

import base64
import hashlib
import hmac
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ingress.presets import presets
from ingress.signatures import SignatureError, Verifier
from ingress.signatures.keys import Key
from ingress.signatures.scheme import SIGNED_MODES, Scheme
from ingress.signatures.signed import signed
from ingress.signatures.tokens import token

NOW = 1_760_097_601_000
BODY = b'{"type":"other"}'
TOKEN = b"a-token-that-nobody-guesses"
SCOPE = {"method": "POST", "raw_path": b"/hook", "query_string": b"", "path_params": {}}
_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_SHARED = b"a key of thirty-two bytes, at least"
SIGNED = sorted(name for name, preset in presets().items() if preset.mode in SIGNED_MODES)

_HEADER = st.binary(max_size=80) | st.sampled_from(
    [b"", b" ", b",", b"=", b"v1,", b"v1=", b"t=,v1=", b"v1, v1,", b"\xff" * 64, b"a" * 64, b"v1," * 5000, b"\x00"]
)
_TIMES = st.sampled_from([str(NOW).encode(), str(NOW // 1000).encode(), b"2025-10-10T12:00:00Z", b"9" * 15, b"0"])


def _verifier(name: str) -> Verifier:
    scheme = presets()[name]
    if scheme.mode == "token":
        return token(scheme, (Key("k", TOKEN),))
    value = _PRIVATE.public_key().public_bytes_raw() if scheme.mode == "ed25519" else _SHARED
    return signed(scheme, (Key("k", value),), 300_000, 60_000, "https://hooks.test")


VERIFIERS = {name: _verifier(name) for name in presets()}


def _names(name: str) -> list[bytes]:
    """All headers that a scheme looks at."""
    scheme = presets()[name]
    found = [scheme.signature.header] if scheme.signature else []
    found += [scheme.timestamp.header] if scheme.timestamp else []
    found += [scheme.id] if scheme.id else []
    return [header.encode() for header in [*found, *(place.header for place in scheme.tokens if place.header)]]


def _authentic(name: str, body: bytes = BODY) -> dict[bytes, bytes]:
    """The headers of a signed request, put together without the code under test."""
    scheme = presets()[name]
    assert scheme.signature
    place, time = scheme.signature, ""
    if scheme.timestamp:
        time = str(NOW if scheme.timestamp.unit == "ms" else NOW // 1000)
    values = {"id": "msg_1", "timestamp": time, "method": "POST", "url": "https://hooks.test/hook"}
    message = (scheme.message or "").replace("{body}", "\0")
    for part, value in values.items():
        message = message.replace(f"{{{part}}}", value)
    written = _written(scheme, message.encode().replace(b"\0", body))
    shown = {"bare": f"{place.prefix}{written}", "versions": f"{place.field},{written}"}
    headers = {scheme.id: "msg_1"} if scheme.id else {}
    if scheme.timestamp:
        headers[scheme.timestamp.header] = time
    headers[place.header] = shown.get(place.grammar, f"t={time},{place.field}={written}")
    return {key.encode(): value.encode() for key, value in headers.items()}


def _written(scheme: Scheme, message: bytes) -> str:
    if scheme.mode == "ed25519":
        return base64.b64encode(_PRIVATE.sign(message)).decode()
    digest = hmac.new(_SHARED, message, hashlib.sha256).digest()
    return digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()


@pytest.mark.parametrize("name", SIGNED)
def test_an_authentic_request_is_taken(name: str) -> None:
    """The other tests of this file could all pass for a verifier that refuses everybody."""
    assert VERIFIERS[name].verify(_authentic(name), BODY, NOW, SCOPE) == "k"


@pytest.mark.parametrize("name", sorted(presets()))
@given(data=st.data())
def test_no_header_makes_it_raise_anything_but_a_refusal_or_lets_a_stranger_in(name: str, data: st.DataObject) -> None:
    """Whatever the bytes of its headers, of the body, and of the URL."""
    headers = {header: data.draw(_HEADER | _TIMES) for header in _names(name)}
    scope = {**SCOPE, "query_string": data.draw(_HEADER), "path_params": {"token": data.draw(st.text(max_size=9))}}

    with pytest.raises(SignatureError) as caught:
        VERIFIERS[name].verify(headers, data.draw(st.binary(max_size=9)), NOW, scope)
    assert caught.value.reason in {"missing", "malformed", "expired", "ahead", "mismatch"}


@pytest.mark.parametrize("name", SIGNED)
@given(data=st.data())
def test_one_changed_byte_is_seen(name: str, data: st.DataObject) -> None:
    """In the body or in the signature; what the case of hexadecimal digits may be is not a change."""
    headers, body = _authentic(name), bytearray(BODY)
    target = data.draw(st.sampled_from([b"body", *sorted(headers)]))
    if target == b"body":
        place = data.draw(st.integers(0, len(body) - 1))
        body[place] ^= data.draw(st.integers(1, 255))
    else:
        value = bytearray(headers[target])
        place = data.draw(st.integers(0, len(value) - 1))
        value[place] ^= data.draw(st.integers(1, 255).filter(lambda bits: bits != 0x20))
        headers[target] = bytes(value)

    with pytest.raises(SignatureError):
        VERIFIERS[name].verify(headers, bytes(body), NOW, SCOPE)


@pytest.mark.parametrize("name", SIGNED)
def test_another_source_s_secret_proves_nothing(name: str) -> None:
    """The same scheme, the same request, another key."""
    scheme = presets()[name]
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw() if scheme.mode == "ed25519" else b"x" * 32
    with pytest.raises(SignatureError) as caught:
        signed(scheme, (Key("k", stranger),), 300_000, 60_000, "https://hooks.test").verify(
            _authentic(name), BODY, NOW, SCOPE
        )

    assert caught.value.reason == "mismatch"


@pytest.mark.parametrize("name", sorted(presets()))
def test_the_description_names_every_place_and_no_key(name: str) -> None:
    """Senders read it in the documentation of the URL."""
    described = str(VERIFIERS[name].describe())

    assert all(header.decode() in described for header in _names(name))
    assert all(value.decode("latin-1") not in described for value in (_SHARED, TOKEN))
    assert all(value.decode("latin-1") not in repr(VERIFIERS[name]) for value in (_SHARED, TOKEN))


def test_all_keys_are_compared_in_constant_time() -> None:
    """Once for each key that counts, also after the one that matches, and never with ==."""
    scheme, tokens = presets()["github"], presets()["coresignal"]
    keys = tuple(Key(str(place), bytes([place]) * 32) for place in (1, 2, 3))
    right = "sha256=" + hmac.new(keys[0].value, BODY, hashlib.sha256).hexdigest()
    shown = {b"x-webhook-token": keys[0].value}

    for verifier, headers in (
        (signed(scheme, keys, 1, 1), {b"x-hub-signature-256": right.encode()}),
        (token(tokens, keys), shown),
    ):
        with patch("hmac.compare_digest", wraps=hmac.compare_digest) as compare:
            assert verifier.verify(headers, BODY, NOW, SCOPE) == "1"
        assert compare.call_count == 3


def test_only_keys_that_count_now_prove_anything() -> None:
    """To the millisecond, both bounds included; when none counts, that is the reason."""
    keys = (Key("old", b"o" * 32, None, NOW), Key("new", b"n" * 32, NOW + 2, NOW + 9))
    verifier = signed(presets()["github"], keys, 1, 1)

    def reason(key: Key, now: int) -> str:
        right = "sha256=" + hmac.new(key.value, BODY, hashlib.sha256).hexdigest()
        try:
            return verifier.verify({b"x-hub-signature-256": right.encode()}, BODY, now)
        except SignatureError as error:
            return error.reason

    assert [reason(keys[0], NOW + late) for late in (-9, 0, 1)] == ["old", "old", "inactive"]
    assert [reason(keys[1], NOW + late) for late in (0, 1, 2, 9, 10)] == [
        "mismatch",
        "inactive",
        "new",
        "new",
        "inactive",
    ]


@pytest.mark.parametrize(
    ("headers", "query", "path", "reason"),
    [
        ({}, b"", TOKEN.decode(), None),
        ({}, b"a=b&token=" + TOKEN, "", None),
        ({b"authorization": b"bearer " + TOKEN}, b"", "", None),
        ({b"x-webhook-token": TOKEN}, b"", "", None),
        ({}, b"", "", "missing"),
        ({b"authorization": TOKEN}, b"", "", "missing"),
        ({b"authorization": b"Basic " + TOKEN}, b"", "", "missing"),
        ({}, b"tokens=" + TOKEN, "", "missing"),
        ({}, b"token=" + TOKEN[:-1], "", "mismatch"),
        ({}, b"token=x&token=" + TOKEN, "", "mismatch"),
        ({b"x-webhook-token": TOKEN}, b"", "x", "mismatch"),
    ],
)
def test_a_token_is_shown_in_the_url_or_in_a_header(
    headers: dict[bytes, bytes], query: bytes, path: str, reason: str | None
) -> None:
    """The first place in which something is shown counts."""
    scope = {**SCOPE, "query_string": query, "path_params": {"token": path}}
    if reason is None:
        assert VERIFIERS["coresignal"].verify(headers, BODY, NOW, scope) == "k"
    else:
        with pytest.raises(SignatureError) as caught:
            VERIFIERS["coresignal"].verify(headers, BODY, NOW, scope)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("path", "query", "signed_as"),
    [
        (b"/hook", b"", "/hook"),
        (b"/hook", b"a=b&c=%20d", "/hook?a=b&c=%20d"),
        (b"/hook%2Fa%3a%7E", b"at=%40", "/hook/a:%7E?at=@"),
    ],
)
def test_a_signed_url_is_the_public_one(path: bytes, query: bytes, signed_as: str) -> None:
    """Its host from the settings, never from a header; HubSpot undoes some percent-encodings before it signs."""
    time = str(NOW)
    message = f"POSThttps://hooks.test/base{signed_as}".encode() + BODY + time.encode()
    digest = base64.b64encode(hmac.new(_SHARED, message, hashlib.sha256).digest())
    headers = {b"x-hubspot-signature-v3": digest, b"x-hubspot-request-timestamp": time.encode(), b"host": b"evil.test"}
    verifier = signed(presets()["hubspot-v3"], (Key("k", _SHARED),), 300_000, 60_000, "https://hooks.test/base")

    headers[b"x-forwarded-host"] = b"evil.test"
    assert verifier.verify(headers, BODY, NOW, {**SCOPE, "raw_path": path, "query_string": query}) == "k"
