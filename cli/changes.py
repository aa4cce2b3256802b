"""The changes that `send` sends: the original's example, or what a file holds, one by one."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from cli.failures import CommandError
from cli.output import iso

EXAMPLE: Final[dict[str, Any]] = {
    "id": "evt_test_001",
    "source": "test",
    "type": "person.role_change",
    "timestamp": "2025-10-10T12:00:00Z",
    "person": {
        "id": "person_123",
        "name": "John Doe",
        "email": "john@example.com",
        "oldTitle": "VP Sales",
        "newTitle": "CRO",
    },
    "company": {"id": "company_456", "name": "Test Company"},
    "changes": {"title": {"old": "VP Sales", "new": "CRO"}},
}
"""The change of the original's quick start."""

LINE_FILES: Final = frozenset({".jsonl", ".ndjson"})
"""Endings of files that hold one change a line."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the input.

    Attributes:
        where: where it stands, for messages.
        body: what is sent; empty if the input is wrong here.
        event_id: its id, if it has one.
        wrong: why it cannot be sent.
        size: bytes of the input that it took, for the progress bar.
    """

    where: str
    body: bytes = b""
    event_id: str | None = None
    wrong: str | None = None
    size: int = 0


def original_example() -> Change:
    """The original's change as it is; sent twice, the second one is a duplicate."""
    return _change("the example", EXAMPLE)


def fresh_example(now_ms: int) -> Change:
    """The original's change, as if it happened now: a new event each time."""
    return _change("the example", {**EXAMPLE, "id": f"evt_{uuid.uuid4().hex}", "timestamp": iso(now_ms)})


def read_changes(stream: BinaryIO, name: str) -> Iterator[Change]:
    """The changes of a file: a JSON object, an array of them, or JSONL, told apart by the first line.

    JSONL is read line by line, so a file of any length will do; a bad line is an entry that says what is wrong with it.

    Args:
        stream: the bytes.
        name: the file's name, for messages; `.jsonl` and `.ndjson` are JSONL whatever is in their first line.

    Raises:
        CommandError: a file that is no JSONL is no JSON either.
    """
    first = b""
    skipped = 0
    for first in stream:
        skipped += 1
        if first.strip():
            break
    if Path(name).suffix in LINE_FILES or isinstance(_parsed(first), dict):
        yield from _lines(first, stream, name, skipped)
    else:
        yield from _document(first + stream.read(), name, skipped)


def _lines(first: bytes, rest: BinaryIO, name: str, number: int) -> Iterator[Change]:
    yield from _line(first, name, number)
    for line in rest:
        number += 1
        yield from _line(line, name, number)


def _line(line: bytes, name: str, number: int) -> Iterator[Change]:
    where, body = f"{name}, line {number}", line.strip()
    if not body:
        return
    try:
        value = _load(body)
    except json.JSONDecodeError as error:
        yield Change(where, wrong=f"no JSON: {error.msg} at column {error.colno}", size=len(line))
        return
    except ValueError as error:
        yield Change(where, wrong=f"no JSON: {error}", size=len(line))
        return
    if isinstance(value, dict):
        yield Change(where, body, _event_id(value), size=len(line))
    else:
        yield Change(where, wrong="no JSON object", size=len(line))


def _document(data: bytes, name: str, skipped: int) -> Iterator[Change]:
    if not data.strip():
        raise CommandError(f"{name} is empty: it must hold a change as JSON, or one a line")
    try:
        value = _load(data)
    except json.JSONDecodeError as error:
        line = error.lineno + max(skipped - 1, 0)
        raise CommandError(f"{name}, line {line}, column {error.colno}: no JSON: {error.msg}") from error
    except ValueError as error:
        raise CommandError(f"{name} is no JSON: {error}") from error
    if isinstance(value, dict):
        yield Change(name, data.strip(), _event_id(value), size=len(data))
        return
    if not isinstance(value, list):
        raise CommandError(f"{name} holds no change: it must be a JSON object, an array of them, or one a line")
    for number, item in enumerate(value, start=1):
        where = f"{name}, item {number}"
        yield _change(where, item) if isinstance(item, dict) else Change(where, wrong="no JSON object")


def _change(where: str, value: dict[str, Any]) -> Change:
    return Change(where, json.dumps(value, ensure_ascii=False).encode(), _event_id(value))


def _event_id(value: dict[str, Any]) -> str | None:
    event_id = value.get("id")
    return event_id if isinstance(event_id, str) else None


def _parsed(line: bytes) -> object:
    try:
        return _load(line)
    except ValueError:
        return None


def _load(data: bytes) -> Any:
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
