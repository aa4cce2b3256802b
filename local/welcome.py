"""What `make run` prints when everything answers."""

import hashlib
import hmac
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

EXAMPLE: Final = """\
{
    "id": "evt_test_001",
    "source": "test",
    "type": "person.role_change",
    "timestamp": "2025-10-10T12:00:00Z",
    "person": {
      "id": "person_123",
      "name": "John Doe",
      "email": "john@example.com",
      "oldTitle": "VP Sales",
      "newTitle": "CRO"
    },
    "company": {
      "id": "company_456",
      "name": "Test Company"
    },
    "changes": {
      "title": { "old": "VP Sales", "new": "CRO" }
    }
  }"""
"""The body of the original quick start, to the letter."""
ROUTE: Final = "/api/webhooks/person-change"


def signed_curl(url: str, secret: str, now_ms: int, body: str = EXAMPLE) -> str:
    """A ready-to-paste command that posts a body, signed with the first of the secrets; valid for five minutes."""
    key = secret.split(",", maxsplit=1)[0].strip().encode()
    signature = hmac.new(key, f"{now_ms}.{body}".encode(), hashlib.sha256).hexdigest()
    return (
        f"curl -i {shlex.quote(url + ROUTE)} \\\n  -H 'content-type: application/json' \\\n"
        f"  -H 'x-timestamp: {now_ms}' \\\n  -H 'x-signature: {signature}' \\\n  -d {shlex.quote(body)}"
    )


def welcome(known: Mapping[str, str], data_dir: Path, seconds: str) -> str:
    """Where everything is, and what to try first."""
    url = known["INGRESS_URL"]
    curl = signed_curl(url, known["WEBHOOK_SECRET"], time.time_ns() // 1_000_000)
    command = _command(data_dir)
    return f"""
person-changes is up after {seconds}: {url}

Post a signed change (valid for five minutes; later: {command} send --curl):

{curl}

Then look at the buyer group, from another shell:

  {command} group show company_456
  {command} status

Addresses and secrets: {data_dir}/env   Logs: {data_dir}/logs
Ctrl-C stops everything and keeps the data.
"""


def _command(data_dir: Path) -> str:
    """The command as another shell in this folder finds it, with the data folder if that is not where it would look."""
    program, here = Path(sys.prefix) / "bin" / "person-changes", Path.cwd()
    command = shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
    return command if data_dir == Path(".local").absolute() else f"DATA_DIR={shlex.quote(str(data_dir))} {command}"
