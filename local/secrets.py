"""Settings of a local run that are made once and kept: secrets, and the file that tells other shells about them."""

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SECRET_NAMES: Final = ("WEBHOOK_SECRET", "API_TOKEN", "OPT_OUT_KEY")


def read_env_file(file: Path) -> dict[str, str]:
    """The lines `NAME=value` of a file; none when there is no file.

    Raises:
        ValueError: a line is neither that nor a comment; names file and line.
    """
    if not file.exists():
        return {}
    values: dict[str, str] = {}
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        text = line.strip().removeprefix("export ").strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip().isidentifier():
            raise ValueError(f"{file} line {number} is not NAME=value")
        values[name.strip()] = " ".join(shlex.split(value, comments=True))
    return values


def write_env_file(file: Path, values: Mapping[str, str]) -> None:
    """Replace a file by lines `NAME=value` that a shell can read; only its owner may (mode 0600)."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.writelines(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    draft.replace(file)


def kept_secrets(file: Path) -> dict[str, str]:
    """The secrets of this data folder, made at its first use."""
    values = read_env_file(file)
    if missing := [name for name in SECRET_NAMES if not values.get(name)]:
        values |= {name: secrets.token_urlsafe(32) for name in missing}
        write_env_file(file, values)
    return values
