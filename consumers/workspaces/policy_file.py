"""Policy files: TOML, with mistakes told by key and line (docs/workspaces.md)."""

import re
import tomllib
from typing import Any

from pydantic import ValidationError

from consumers.workspaces.document import PolicyDocument
from consumers.workspaces.reading import complaint

_TABLE = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<name>[^\]]+?)\s*\]")
_KEY = re.compile(r"^\s*(?P<name>[\w\"'.-]+)\s*=")


class PolicyFileError(Exception):
    """A file is no policy; says what is wrong, a line a mistake."""


def read_policy(text: str) -> PolicyDocument:
    """The policy in a file.

    Raises:
        PolicyFileError: names each key that is wrong, its line, and what is allowed there.
    """
    try:
        return PolicyDocument.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyFileError(f"it is no TOML: {error}") from None
    except ValidationError as error:
        mistakes = [_mistake(each, text) for each in error.errors(include_url=False)]
        raise PolicyFileError("\n".join(mistakes)) from None


def _mistake(error: Any, text: str) -> str:
    line = line_of(text, error["loc"])
    return f"line {line}: {complaint(error)}" if line else complaint(error)


def line_of(text: str, location: tuple[int | str, ...]) -> int | None:
    """Where a key is: its own line, or else that of the table that it should be in; None of what is in neither.

    Args:
        text: TOML.
        location: keys, and places in lists counted from 0.
    """
    best: tuple[int, int] | None = None
    for number, path in _paths(text):
        common = path == location[: len(path)]
        if common and (best is None or len(path) > best[0]):
            best = (len(path), number)
    return best[1] if best else None


def _paths(text: str) -> list[tuple[int, tuple[int | str, ...]]]:
    """The lines on which tables and keys begin, with where they lead."""
    table: tuple[int | str, ...] = ()
    counts: dict[str, int] = {}
    found: list[tuple[int, tuple[int | str, ...]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if head := _TABLE.match(line):
            names = tuple(part.strip(" \"'") for part in head["name"].split("."))
            if head["open"] == "[[":
                counts[head["name"]] = counts.get(head["name"], -1) + 1
                table = (*names, counts[head["name"]])
            else:
                table = names
            found.append((number, table))
        elif key := _KEY.match(line):
            found.append((number, (*table, *(part.strip("\"'") for part in key["name"].split(".")))))
    return found
