"""The signature of the original's webhook."""

import shlex
import subprocess

import pytest

from cli.failures import CommandError
from cli.signing import curl_command, first_secret, sign, signed_headers


def test_the_signature_is_the_hex_hmac_of_timestamp_full_stop_body() -> None:
    """A vector that was computed elsewhere, over the same bytes."""
    signature = sign(b"test-webhook-secret", "1614265330", b'{"test": 2432232314}')

    assert signature == "ae2d162dabb20667b6bc0f168588bfec2113274bbd467d0564d5f6baa6241d2d"


def test_openssl_agrees_on_any_bytes() -> None:
    """The signature is over bytes, not over text: OpenSSL makes the same one."""
    body = '{"name": "Zoë"}\n'.encode() + b"\xff\x00"
    command = ["openssl", "dgst", "-sha256", "-hmac", "k e y"]
    done = subprocess.run(command, input=b"17." + body, capture_output=True, check=True)

    assert done.stdout.decode().split()[-1] == sign(b"k e y", "17", body)


def test_the_headers_carry_the_timestamp_that_was_signed() -> None:
    """Time in ms and signature belong together."""
    headers = signed_headers(b"s", 1_696_800_000_000, b"{}")

    assert headers["x-timestamp"] == "1696800000000"
    assert headers["x-signature"] == sign(b"s", "1696800000000", b"{}")
    assert headers["content-type"] == "application/json"


def test_the_first_of_several_secrets_signs() -> None:
    """While secrets are rotated, the first one is the sender's."""
    assert first_secret(" new , old") == b"new"
    assert first_secret(",old") == b"old"


@pytest.mark.parametrize("text", ["", " ", ",,"])
def test_without_a_secret_the_variable_is_named(text: str) -> None:
    """The message says which variable to set."""
    with pytest.raises(CommandError, match="WEBHOOK_SECRET is not set"):
        first_secret(text)


def test_curl_survives_a_shell() -> None:
    """Quotes, dollars and line feeds in a body reach curl as they are."""
    body = b"""{"name": "O'Neil $HOME `id`",\n "x": "\\\\"}"""
    words = shlex.split(curl_command("http://127.0.0.1:8000/x?a=1&b=2", {"x-timestamp": "1"}, body))

    assert words[:5] == ["curl", "-sS", "-X", "POST", "http://127.0.0.1:8000/x?a=1&b=2"]
    assert words[5:] == ["-H", "x-timestamp: 1", "--data-binary", body.decode()]


def test_a_body_that_is_no_text_cannot_be_pasted() -> None:
    """Bytes that are no UTF-8 are refused instead of being sent as something else."""
    with pytest.raises(CommandError, match="not UTF-8"):
        curl_command("http://h/", {}, b"\xff")
