"""What schemathesis cannot know of this API, and no document could tell it; loaded by its command line."""

import hashlib
import hmac
import os
import re
import time
import uuid
from typing import Any

import requests
import schemathesis
from schemathesis import GenerationMode

from ingress.api_models import KEY_PATTERN

SECRET_VARIABLE = "TEST_WEBHOOK_SECRET"
KEY = "Idempotency-Key"


class Signed(requests.auth.AuthBase):
    """Signs the bytes that are sent."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """By the letter of the original's documentation."""
        now, body = str(time.time_ns() // 1_000_000), request.body or b""
        assert isinstance(body, bytes | str)
        message = now.encode() + b"." + (body.encode() if isinstance(body, str) else body)
        signature = hmac.new(os.environ[SECRET_VARIABLE].encode(), message, hashlib.sha256).hexdigest()
        request.headers.update({"x-timestamp": now, "x-signature": signature})
        return request


@schemathesis.hook
def before_call(_: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """A well-formed key is made unique: the same one with another payload is refused, and rightly.

    In some cases that it calls valid, schemathesis itself breaks the key's pattern: there it gets one that keeps it.
    """
    headers = case.headers or {}
    if isinstance(key := headers.get(KEY), str):
        fits = re.fullmatch(KEY_PATTERN, key) is not None
        if fits or (case.meta and case.meta.generation.mode == GenerationMode.POSITIVE):
            short = key[1:-1] if fits and len(key) < 200 else ""
            case.headers[KEY] = f'"{short}{uuid.uuid4()}"'
    if os.environ.get(SECRET_VARIABLE) and "x-signature" in headers:
        kwargs["auth"] = Signed()
