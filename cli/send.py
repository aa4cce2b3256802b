"""`person-changes send`: sign changes and post them, as a provider would."""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.changes import LINE_FILES, Change, fresh_example, original_example, read_changes
from cli.delivery import Poster, Target, Waiting, parse_target
from cli.environment import read_settings, reason
from cli.failures import USAGE, CommandError
from cli.output import iso, note, now_ms, say
from cli.send_report import Notices, report_many, report_one
from cli.sending import pacer, send_all, send_one
from cli.signing import DEFAULT_URL, curl_command, first_secret, signed_headers

SIGNATURE_LIFE_MS: Final = 300_000

File = Annotated[
    Path | None,
    typer.Argument(
        help="Changes to send: a JSON object, an array of them, or one object a line (JSONL); - reads standard input. "
        "Without a file, an example change is sent.",
        show_default=False,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        envvar="INGRESS_URL",
        help="Where the ingress is, or the whole address of one source's webhook.",
        show_default=DEFAULT_URL,
    ),
]
Example = Annotated[
    bool, typer.Option("--example", help="Send the quick start's own example, evt_test_001: new only the first time.")
]
Curl = Annotated[bool, typer.Option("--curl", help="Send nothing; print a signed curl command, good for five minutes.")]
Rate = Annotated[float, typer.Option(min=0, help="At most so many changes a second; 0 sets no limit.")]
Concurrency = Annotated[int, typer.Option(min=1, max=256, help="So many at once; 1 keeps the order of the file.")]
Patience = Annotated[
    float, typer.Option(min=0, help="Seconds to keep trying when the server is away, or answers 429, 502, 503 or 504.")
]
Json = Annotated[bool, typer.Option("--json", help="Print each answer as JSON; for a file of many, one a line.")]


def send_command(
    file: File = None,
    url: Url = None,
    example: Example = False,
    curl: Curl = False,
    rate: Rate = 0,
    concurrency: Concurrency = 8,
    patience: Patience = 15,
    as_json: Json = False,
) -> None:
    """Sign changes and post them to the ingress, as a provider would.

    The secret is the first one in WEBHOOK_SECRET; it is never an option, so that no process list shows it. Sending the
    same file again is safe: what was taken before is recognised by its id.

    Exit code 1 says that something was not taken; which, and why, is on standard error.
    """
    if example and file is not None:
        raise CommandError("--example and a file exclude each other", USAGE)
    target, secret = _settings(url)
    stop = threading.Event()
    waiting = Waiting(patience, stop.wait, Notices())
    with ExitStack() as stack:
        found = _input(stack, file, example)
        if curl:
            _print_curl(target, secret, found.only)
        elif found.only is not None:
            with Poster(target, secret, waiting) as poster:
                report_one(send_one(found.only, poster), as_json=as_json)
        else:
            pace = pacer(rate)
            results = send_all(found.changes, lambda: Poster(target, secret, waiting), concurrency, pace, stop)
            report_many(results, found.size, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Input:
    """What to send.

    Attributes:
        changes: all of it.
        only: the one change, when there is one and it was not a stream.
        size: bytes of the file, if known.
    """

    changes: Iterator[Change]
    only: Change | None = None
    size: int | None = None


def _settings(url: str | None) -> tuple[Target, bytes]:
    from cli.sender_settings import SenderSettings  # noqa: PLC0415  # pydantic, which --help does without

    settings = read_settings(SenderSettings)
    secret = first_secret(settings.webhook_secret.get_secret_value())
    return parse_target(url or settings.ingress_url), secret


def _input(stack: ExitStack, file: Path | None, example: bool) -> _Input:
    if file is None:
        change = original_example() if example else fresh_example(now_ms())
        return _Input(iter((change,)), change)
    if str(file) == "-":
        return _Input(read_changes(sys.stdin.buffer, "standard input"))
    try:
        stream = stack.enter_context(file.open("rb"))
        size = file.stat().st_size
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {reason(error)}", USAGE) from error
    changes = read_changes(stream, str(file))
    if file.suffix in LINE_FILES:
        return _Input(changes, size=size)
    first = [change for change in (next(changes, None), next(changes, None)) if change is not None]
    return _Input(chain(first, changes), first[0] if len(first) == 1 else None, size)


def _print_curl(target: Target, secret: bytes, change: Change | None) -> None:
    if change is None:
        raise CommandError("--curl takes one change: a file with one JSON object, or no file", USAGE)
    if change.wrong is not None:
        raise CommandError(f"{change.where}: {change.wrong}")
    now = now_ms()
    say(curl_command(target.url, signed_headers(secret, now, change.body), change.body))
    note(f"good until {iso(now + SIGNATURE_LIFE_MS)}")
