"""How commands fail: a sentence that says what is wrong and what to do, and an exit code; never a trace."""

import sys
from typing import Any, Final

from typer.core import TyperGroup

FAILED: Final = 1
"""The work failed."""
USAGE: Final = 2
"""The command line or a setting is wrong."""


class CommandError(Exception):
    """A command cannot do its work.

    Args:
        message: what is wrong and what to do, for the terminal; may be several lines.
        exit_code: `FAILED` or `USAGE`.
    """

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class PlainGroup(TyperGroup):
    """A group of commands whose expected failures become a sentence on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the context names."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            sys.stderr.write(f"person-changes: {error}\n")
            ctx.exit(error.exit_code)
