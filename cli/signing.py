"""The original's signature: `x-signature` is the hex HMAC-SHA256 of timestamp, full stop and body."""

import hashlib
import hmac
import shlex

from cli.failures import USAGE, CommandError

DEFAULT_URL = "http://127.0.0.1:8000"
WEBHOOK_PATH = "/api/webhooks/person-change"


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The signature of a body.

    Args:
        secret: shared with the receiver.
        timestamp: the text of the `x-timestamp` header.
        body: exactly the bytes that are sent.
    """
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def signed_headers(secret: bytes, now_ms: int, body: bytes) -> dict[str, str]:
    """The headers that let a body in, for the next five minutes."""
    timestamp = str(now_ms)
    return {
        "content-type": "application/json",
        "x-timestamp": timestamp,
        "x-signature": sign(secret, timestamp, body),
    }


def first_secret(text: str) -> bytes:
    """The first of the comma-separated secrets: the one to sign with while another is rotated out.

    Raises:
        CommandError: there is none.
    """
    for secret in text.split(","):
        if secret.strip():
            return secret.strip().encode()
    raise CommandError(
        "WEBHOOK_SECRET is not set: set it to the ingress's own value, or start `make run`, which leaves it for this "
        "command",
        USAGE,
    )


def curl_command(url: str, headers: dict[str, str], body: bytes) -> str:
    """The same request for a shell.

    Raises:
        CommandError: the body is no text, so it cannot be pasted.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise CommandError(f"the body is not UTF-8 text, so it cannot be pasted: {error}") from error
    words = ["curl", "-sS", "-X", "POST", url]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, "--data-binary", text])
