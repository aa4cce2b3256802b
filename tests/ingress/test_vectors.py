"""Every scheme against published signatures, or ones computed elsewhere: accepted or refused as its provider would."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ingress.presets import presets
from ingress.signatures import SignatureError
from ingress.signatures.keys import Key, KeyFormatError, decode_secret
from ingress.signatures.scheme import Scheme
from ingress.signatures.signed import Signed, signed

STANDARD_BODY = b'{"test": 2432232314}'
STANDARD_TIME = 1_614_265_330
STANDARD_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
FIRST, SECOND = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
RIGHT = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="
RIGHT_V1A = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack."
    b"com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc8"
    b"87a14d10d2c447fce8b6703c"
)
LINKEDIN_BODY = b'{"type":"LEAD_ACTION","leadAction":"CREATED","occurredAt":1720000000000}'
SHARED_DIGEST = "QKu9nSIHT32uf9dCA3yyg4+yun5pWLS/ThuUSZqmqbE="
_WINDOW = (300_000, 60_000)


@dataclass(frozen=True)
class Vector:
    """One request.

    Attributes:
        scheme: a preset's name, or a scheme spelled out.
        reason: why it is refused; None when it is accepted.
        late: seconds from the signature to its arrival.
        url: the public URL's host, then path and query.
    """

    scheme: str | Mapping[str, Any]
    secrets: tuple[str, ...]
    headers: Mapping[str, str]
    body: bytes
    time: int = STANDARD_TIME
    reason: str | None = None
    late: int = 1
    url: tuple[str, bytes] = ("", b"/")
    method: str = "POST"


def _standard(signature: str, *secrets: str, scheme: str = "standard-webhooks", prefix: str = "webhook") -> Vector:
    headers = {
        f"{prefix}-id": STANDARD_ID,
        f"{prefix}-timestamp": str(STANDARD_TIME),
        f"{prefix}-signature": signature,
    }
    return Vector(scheme, secrets or (FIRST,), headers, STANDARD_BODY)


def _with(vector: Vector, reason: str | None, late: int = 1, **headers: str) -> Vector:
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(vector, headers={**vector.headers, **changed}, reason=reason, late=late)


def _stripe(signature: str, reason: str | None = None, late: int = 1) -> Vector:
    headers = {"stripe-signature": signature}
    return Vector("stripe", ("whsec_test_secret",), headers, STANDARD_BODY, reason=reason, late=late)


_STRIPE_DIGEST = "10c96c6fd3f320fcfc264cdc4f476c15060ede8e8a08404cea2ddf3b72544a9c"
_STRIPE = f"t={STANDARD_TIME},v1={_STRIPE_DIGEST}"
_HOOKDECK = {"mode": "hmac", "message": "{body}", "encoding": "base64", "signature": {"header": "x-hookdeck-signature"}}
_CONVOY = {
    "mode": "hmac",
    "message": "{timestamp},{body}",
    "signature": {"header": "x-convoy-signature", "grammar": "pairs", "field": "v1"},
    "timestamp": {"header": "x-convoy-signature", "field": "t"},
}
_CONVOY_DIGEST = "4fc8258cae21e17bd81a90b5021630ac91758354a4e78f054738ab57d43193cc"
_HUBSPOT = Vector(
    "hubspot-v3",
    ("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy",),
    {
        "x-hubspot-signature-v3": "HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
        "x-hubspot-request-timestamp": "15000000",
    },
    b"{'example_field':'example_value'}",
    15_000,
    url=("https://www.example.com", b"/webhook_uri"),
)
_GITHUB = Vector(
    "github",
    ("It's a Secret to Everybody",),
    {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
    b"Hello, World!",
    late=10**6,
)
_SLACK = Vector(
    "slack",
    ("8f742231b10e8888abcd99yyyzzz85a5",),
    {
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "x-slack-request-timestamp": "1531420618",
    },
    SLACK_BODY,
    1_531_420_618,
)
_LINKEDIN_DIGEST = "c2f4123cd257b353b3670587edb874a7ab02b85913b215c373ecd412ebb9f7e2"
_LINKEDIN = Vector("linkedin", ("test-client-secret",), {"x-li-signature": _LINKEDIN_DIGEST}, LINKEDIN_BODY)
_LUSHA = Vector(
    "lusha",
    ("test-webhook-secret",),
    {
        "x-lusha-signature": "ae2d162dabb20667b6bc0f168588bfec2113274bbd467d0564d5f6baa6241d2d",
        "x-lusha-timestamp": str(STANDARD_TIME),
    },
    STANDARD_BODY,
)
_LUSHA_MS = hmac.new(b"test-webhook-secret", b"1614265330123." + STANDARD_BODY, hashlib.sha256).hexdigest()
_V1, _V1A = _standard(RIGHT), _standard(RIGHT_V1A, PUBLIC, scheme="standard-webhooks-v1a")

VECTORS = {
    "standard-webhooks v1": _V1,
    "standard-webhooks v1, one byte off": _with(_V1, "mismatch", webhook_signature=f"{RIGHT[:-2]}A="),
    "standard-webhooks v1, second key while rotated": _standard(
        "v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44=", FIRST, SECOND
    ),
    "standard-webhooks v1, second key not known": _with(
        _V1, "mismatch", webhook_signature="v1,78nXHjpFP0tVJQW5D0SBwmVyyW87BV/rL6MgfM/Bw44="
    ),
    "standard-webhooks v1a": _V1A,
    "standard-webhooks v1a, body changed": replace(_V1A, body=b'{"test": 2432232315}', reason="mismatch"),
    "standard-webhooks v1 under a public key": _with(_V1A, "malformed", webhook_signature=RIGHT),
    "standard-webhooks v1a under a shared secret": _with(_V1, "malformed", webhook_signature=RIGHT_V1A),
    "standard-webhooks v1a, both in one header": _with(_V1A, None, webhook_signature=f"{RIGHT} {RIGHT_V1A}"),
    "standard-webhooks v1, both in one header": _with(_V1, None, webhook_signature=f"{RIGHT_V1A} {RIGHT}"),
    "standard-webhooks multi-signature, right one in the middle": _with(
        _V1, None, webhook_signature=f"{OTHER} v2,{OTHER[3:]} {RIGHT} {OTHER}"
    ),
    "standard-webhooks right signature under another version": _with(
        _V1, "malformed", webhook_signature=f"v2,{RIGHT[3:]}"
    ),
    "standard-webhooks 300 s old": _with(_V1, None, late=300),
    "standard-webhooks 301 s old": _with(_V1, "expired", late=301),
    "standard-webhooks 60 s ahead": _with(_V1, None, late=-60),
    "standard-webhooks 61 s ahead": _with(_V1, "ahead", late=-61),
    "standard-webhooks time in ms": _with(_V1, "malformed", webhook_timestamp=f"{STANDARD_TIME}000"),
    "standard-webhooks version without signature": _with(_V1, "malformed", webhook_signature="v1"),
    "standard-webhooks two commas": _with(_V1, "malformed", webhook_signature="v1,a,b"),
    "standard-webhooks double space": _with(_V1, None, webhook_signature=f"{OTHER}  {RIGHT}"),
    "standard-webhooks signature of another length": _with(_V1, "malformed", webhook_signature="v1,abc"),
    "standard-webhooks signature beyond ASCII": _with(_V1, "malformed", webhook_signature="v1,é"),
    "standard-webhooks junk inside the base64": _with(
        _V1, "malformed", webhook_signature="v1,g0hM9Ss!!E+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    ),
    "standard-webhooks another spelling of the same bytes": _with(
        _V1, "malformed", webhook_signature=f"{RIGHT[:-2]}F="
    ),
    "standard-webhooks hex where base64 is meant": _with(_V1, "malformed", webhook_signature="v1," + "83" * 32),
    "standard-webhooks time with a fraction": _with(_V1, "malformed", webhook_timestamp=f"{STANDARD_TIME}.9"),
    "standard-webhooks time with an exponent": _with(_V1, "malformed", webhook_timestamp=f"{STANDARD_TIME}e0"),
    "standard-webhooks time with spaces": _with(_V1, "malformed", webhook_timestamp=f" {STANDARD_TIME} "),
    "standard-webhooks time with underscores": _with(_V1, "malformed", webhook_timestamp="1_614_265_330"),
    "standard-webhooks full stop in the id": _with(_V1, "malformed", webhook_id=f"{STANDARD_ID}.x"),
    "standard-webhooks 20 entries": _with(_V1, None, webhook_signature=" ".join([OTHER] * 19 + [RIGHT])),
    "standard-webhooks 21 entries": _with(_V1, "malformed", webhook_signature=" ".join([OTHER] * 20 + [RIGHT])),
    "standard-webhooks no id": _with(_V1, "missing", webhook_id=""),
    "svix v1": _standard(RIGHT, scheme="svix", prefix="svix"),
    "svix v1a": _standard(RIGHT_V1A, PUBLIC, scheme="svix-v1a", prefix="svix"),
    "svix under the headers of standard-webhooks": replace(_standard(RIGHT, scheme="svix"), reason="missing"),
    "linkedin POST": _LINKEDIN,
    "linkedin POST, prefix also in the header": _with(_LINKEDIN, None, x_li_signature=f"hmacsha256={_LINKEDIN_DIGEST}"),
    "linkedin POST, prefix not signed": _with(
        _LINKEDIN, "mismatch", x_li_signature="510cffd31dc6b66fc79d5a45a56e2a6bd360cb531351dd17b4d705812f2847c6"
    ),
    "linkedin POST, the answer to a challenge": _with(
        _LINKEDIN, "mismatch", x_li_signature="05f7c3a9fc0fd9476f5fa3a0f318d460b83aba7b241196a57cc44868a392fc57"
    ),
    "lusha, seconds": _LUSHA,
    "lusha, milliseconds": _with(_LUSHA, None, x_lusha_timestamp="1614265330123", x_lusha_signature=_LUSHA_MS),
    "lusha, 10 minutes old": _with(_LUSHA, "expired", late=600),
    "hubspot v3": _HUBSPOT,
    "hubspot v3, another URL": replace(_HUBSPOT, url=("https://www.example.com", b"/webhook_uri2"), reason="mismatch"),
    "hubspot v3, another host": replace(_HUBSPOT, url=("https://example.com", b"/webhook_uri"), reason="mismatch"),
    "hubspot v3, another method": replace(_HUBSPOT, method="PUT", reason="mismatch"),
    "hubspot v2 where v3 is meant": _with(
        _HUBSPOT,
        "malformed",
        x_hubspot_signature_v3="4fe4e3a7d3cf09db53be39d0a58130e2aaba074ec123a9e355b876a689a1c383",
    ),
    "hubspot v1 where v3 is meant": _with(
        _HUBSPOT,
        "malformed",
        x_hubspot_signature_v3="69fc6631a867edd4f9e9e627fc5c1148e3fbdd8b21837b6d2b8901c1fa57f750",
    ),
    "stripe": _stripe(_STRIPE),
    "stripe, several v1 and another scheme": _stripe(
        f"t={STANDARD_TIME},v1={'0' * 64},v0={'1' * 64},v1={_STRIPE_DIGEST}"
    ),
    "stripe, right digest under v0": _stripe(f"t={STANDARD_TIME},v0={_STRIPE_DIGEST}", "malformed"),
    "stripe, no time": _stripe(f"v1={_STRIPE_DIGEST}", "malformed"),
    "stripe, two times": _stripe(f"t={STANDARD_TIME},{_STRIPE}", "malformed"),
    "stripe, 11 days ahead": _stripe(_STRIPE, "ahead", late=-11 * 86_400),
    "stripe, 10 minutes old": _stripe(_STRIPE, "expired", late=600),
    "github": _GITHUB,
    "github, no prefix": _with(_GITHUB, "malformed", x_hub_signature_256=_GITHUB.headers["x-hub-signature-256"][7:]),
    "github, another body": replace(_GITHUB, body=b"Hello, World?", reason="mismatch"),
    "slack": _SLACK,
    "slack, 10 minutes old": _with(_SLACK, "expired", late=600),
    "hookdeck, spelled out": Vector(
        _HOOKDECK, ("test-secret",), {"x-hookdeck-signature": SHARED_DIGEST}, STANDARD_BODY
    ),
    "convoy, spelled out": Vector(
        _CONVOY,
        ("test-secret",),
        {"x-convoy-signature": f"t={STANDARD_TIME},v1={'0' * 64},v1={_CONVOY_DIGEST}"},
        STANDARD_BODY,
    ),
}


def _verifier(vector: Vector) -> Signed:
    if isinstance(vector.scheme, str):
        scheme: Scheme = presets()[vector.scheme]
        values = [decode_secret(scheme, secret) for secret in vector.secrets]
    else:  # the published secrets of some are shorter than we take
        scheme = Scheme.model_validate(vector.scheme)
        values = [secret.encode() for secret in vector.secrets]
    keys = tuple(Key(str(place), value) for place, value in enumerate(values))
    return signed(scheme, keys, *_WINDOW, vector.url[0])


@pytest.mark.parametrize("name", VECTORS)
def test_a_vector_is_taken_or_refused(name: str) -> None:
    """As listed; what is refused names its reason."""
    vector = VECTORS[name]
    path, _, query = vector.url[1].partition(b"?")
    headers = {key.encode(): value.encode("latin-1") for key, value in vector.headers.items()}
    scope = {"method": vector.method, "raw_path": path, "query_string": query}
    arguments = (headers, vector.body, (vector.time + vector.late) * 1000, scope)

    if vector.reason is None:
        assert _verifier(vector).verify(*arguments) == str(len(vector.secrets) - 1)
    else:
        with pytest.raises(SignatureError) as caught:
            _verifier(vector).verify(*arguments)
        assert caught.value.reason == vector.reason


_PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
SECRETS = {
    "a private key": ("standard-webhooks-v1a", _PRIVATE, "private key"),
    "a truncated private key": ("standard-webhooks-v1a", _PRIVATE[:-3], "private key"),
    "a truncated public key": ("standard-webhooks-v1a", PUBLIC[:-5], "29 bytes"),
    "a public key where a secret is meant": ("standard-webhooks", PUBLIC, "-v1a"),
    "a secret where a public key is meant": ("standard-webhooks-v1a", FIRST, "without -v1a"),
    "a version before the prefix": ("standard-webhooks", f"v1,{FIRST}", "leave the version"),
    "no prefix": ("standard-webhooks", FIRST[6:], "key.prefix"),
    "one byte": ("standard-webhooks", "whsec_YQ==", "1 bytes"),
    "23 bytes": ("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=", "23 bytes"),
    "no base64": ("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_w", "not in base64"),
    "whsec_ where text is meant": ("original", FIRST, "begins with whsec_"),
    "a short text": ("github", "hunter2hunter2!", "at least 16 characters"),
    "stripe's without its prefix": ("stripe", "test_secret_of_stripe", "does not begin as it must"),
    "nothing": ("slack", "", "is empty"),
    "a token that a URL cannot carry": ("coresignal", "a token / with a slash", "letters, digits"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_cannot_be_right_is_refused(name: str) -> None:
    """With what to do about it, and without showing it."""
    preset, secret, why = SECRETS[name]
    with pytest.raises(KeyFormatError, match=why) as caught:
        decode_secret(presets()[preset], secret)

    assert not secret or secret not in str(caught.value)


def test_an_unpadded_secret_is_the_same_secret() -> None:
    """Some senders leave the padding out."""
    scheme = presets()["standard-webhooks"]
    padded = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWQ=="

    assert decode_secret(scheme, padded.rstrip("=")) == decode_secret(scheme, padded) == b"ABCDEFGHIJKLMNOPQRSTUVWXY"
