"""No table of a source, however odd, becomes anything but a verifier or a sentence."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ingress import sources
from ingress.presets import preset_keys, presets
from ingress.settings import IngressSettings
from ingress.signatures import SignatureError
from ingress.signatures.keys import Key, KeyFormatError, decode_secret
from ingress.source_file import SourceConfig, _config

NOW = 1_760_097_601_000
SETTINGS = IngressSettings.model_validate({"webhook_secret": "the first secret of the tests", "public_url": "http://a"})
PUBLIC = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
_WORDS = """
    hmac ed25519 token none {body} {id}.{timestamp}{body} {url}{body} hex base64 iso ms pairs versions sha512 x-sig
    env:A https://a.test linkedin theirs \x00 é { % =
"""
_TEXT = st.text(max_size=6) | st.sampled_from(_WORDS.split())
_NUMBER = st.integers() | st.floats() | st.sampled_from([0, 1e308, 10**400])
_VALUE = st.recursive(
    _TEXT | _NUMBER | st.booleans() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=5,
)


@st.composite
def _tables(draw: st.DrawFn) -> dict[str, Any]:
    """A preset's keys, a few of them said otherwise, at any depth."""
    table: dict[str, Any] = {"secrets": ["env:A"], **preset_keys(draw(st.sampled_from(sorted(presets()))))}
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(SourceConfig.model_fields)))
        inner = table.get(name)
        if isinstance(inner, dict) and draw(st.booleans()):
            table[name] = {**inner, draw(st.sampled_from([*sorted(inner), "field", "prefix", "unit"])): draw(_VALUE)}
        else:
            table[name] = draw(_NUMBER if name.endswith("seconds") else _VALUE)
    return table


@settings(max_examples=1500)
@given(table=_tables() | _VALUE, shown=st.binary(max_size=20), data=st.data())
def test_a_table_is_a_verifier_or_a_sentence(table: Any, shown: bytes, data: st.DataObject) -> None:
    """And the verifier raises nothing but its refusal, whatever it is shown, and describes itself."""
    found = _config("acme", table)
    if not isinstance(found, SourceConfig):
        assert found
        assert all(found)
        return
    keys = (Key("k", PUBLIC if found.mode == "ed25519" else b"a key of thirty-two bytes, at least"),)
    verifier = sources._source("acme", found, keys, SETTINGS).verifier
    places = [found.signature, found.timestamp, *found.tokens]
    names = {place.header for place in places if place is not None and place.header} | {found.id or "x"}
    headers = {name.encode(): data.draw(st.just(shown) | st.binary(max_size=20)) for name in sorted(names)}
    scope = {"method": "POST", "raw_path": b"/x", "query_string": shown, "path_params": {"token": "x"}}

    assert verifier.describe()["scheme"]
    if found.mode == "none":
        assert verifier.verify(headers, b"", NOW, scope) == "none"
    else:
        with pytest.raises(SignatureError):
            verifier.verify(headers, b"", NOW, scope)


@settings(max_examples=500)
@given(
    name=st.sampled_from(sorted(presets())),
    start=st.sampled_from(["", "whsec_", "whpk_", "whsk_", "v1,whsec_"]),
    text=_TEXT,
)
def test_a_secret_is_a_key_or_a_sentence(name: str, start: str, text: str) -> None:
    """Of any text: what is taken has the strength that its scheme asks for."""
    try:
        key = decode_secret(presets()[name], (start + text * 9).strip())
    except KeyFormatError:
        return
    assert len(key) >= 16
