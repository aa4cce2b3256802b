# ruff: noqa: PLC0415 -- pydantic is loaded when a command needs a setting, so that --help starts fast
"""Where commands take their settings from: the environment, and beneath it the file that `make run` writes.

A newcomer who runs `make run` in one shell can so type `person-changes status` in another.
"""

import getpass
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from cli.failures import USAGE, CommandError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings

S = TypeVar("S", bound="BaseSettings")

DEFAULT_DATA_DIR: Final = ".local"
_UNREADABLE_FIELD: Final = re.compile(r'field "(?P<field>\w+)"')


def data_dir() -> Path:
    """The folder of the local stack: `DATA_DIR`."""
    return Path(os.environ.get("DATA_DIR") or DEFAULT_DATA_DIR)


def local_file() -> Path | None:
    """The settings of the local stack on this machine; None when there are none."""
    path = data_dir() / "env"
    return path if path.is_file() else None


def read_settings(kind: type[S], *, with_local_file: bool = True) -> S:
    """Read a settings model.

    Args:
        kind: the model.
        with_local_file: let the local stack's file fill in what the environment leaves open. A deployment's
            long-running processes do not: they must not pick up a developer's leftovers.

    Raises:
        CommandError: names each variable that is wrong, without its value, which may be a secret.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    path = local_file() if with_local_file else None
    try:
        return kind(_env_file=path)
    except ValidationError as error:
        raise CommandError(_sentences(error), USAGE) from error
    except SettingsError as error:
        found = _UNREADABLE_FIELD.search(str(error))
        name = found["field"].upper() if found else "a setting"
        raise CommandError(f"{name} is not valid JSON", USAGE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {reason(error)}") from error


def origin(name: str) -> str:
    """Where a variable's value comes from, in words."""
    if name in os.environ:
        return "from the environment"
    path = local_file()
    if path is not None and any(line.partition("=")[0].strip() == name for line in _lines(path)):
        return f"from {path}"
    return "the default"


def user_name() -> str:
    """Who types; where the system has no name for the user id, as in containers, `uid 1234`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def reason(error: Exception) -> str:
    """What the operating system says, without its number."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _sentences(error: "ValidationError") -> str:
    wrong = [
        f"{_variable(detail['loc'])}{_complaint(detail['type'], detail['msg'])}"
        for detail in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return "\n  ".join(["the settings are wrong:", *wrong])


def _variable(location: tuple[int | str, ...]) -> str:
    if not location:
        return ""
    rest = "".join(f"[{part!r}]" for part in location[1:])
    return f"{str(location[0]).upper()}{rest}: "


def _complaint(kind: str, message: str) -> str:
    if kind == "missing":
        return "is required, but not set"
    message = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return message[:1].lower() + message[1:]
