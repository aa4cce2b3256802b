"""Logs of the long-running processes: to stderr, in UTC; for people on a terminal, as JSON lines elsewhere."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, Literal

import structlog
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.environment import read_settings

_SECRET_NAME: Final = re.compile(r"secret|password|token|signature|authorization|database_url", re.IGNORECASE)
_PASSWORD_IN_URL: Final = re.compile(r"(?<=://)(?P<user>[^\s:/@]*):[^\s/@]*@")
_HIDDEN: Final = "**********"


class LogSettings(BaseSettings):
    """How to log.

    Attributes:
        log_format: `console` or `json`; without it, `console` on a terminal and `json` elsewhere.
        log_level: the least level that is written.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    log_format: Literal["console", "json"] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info")

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() or None if isinstance(value, str) else value


def configure_logs(settings: LogSettings | None = None) -> None:
    """Send structlog's and the standard library's records the same way.

    Args:
        settings: read from the environment unless given.

    Raises:
        CommandError: a setting is wrong.
    """
    settings = settings or read_settings(LogSettings, with_local_file=False)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings, shared))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def hide_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep secrets out of a record: values under a telling name, and passwords inside addresses."""
    for name, value in event.items():
        if _SECRET_NAME.search(name):
            event[name] = _HIDDEN
        elif isinstance(value, str):
            event[name] = _PASSWORD_IN_URL.sub(rf"\g<user>:{_HIDDEN}@", value)
    return event


def _plain(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Uvicorn sends its message a second time, with colours."""
    event.pop("color_message", None)
    return event


def _formatter(settings: LogSettings, shared: list[structlog.typing.Processor]) -> logging.Formatter:
    console = settings.log_format == "console" or (settings.log_format is None and sys.stderr.isatty())
    tail: list[structlog.typing.Processor]
    if console:
        # Not rich's tracebacks: they show local variables, which may hold secrets.
        plain = structlog.dev.plain_traceback
        tail = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
    else:
        tail = [structlog.processors.JSONRenderer()]
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    exceptions: list[structlog.typing.Processor] = [structlog.processors.format_exc_info]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[remove, *([] if console else exceptions), _plain, hide_secrets, *tail]
    )
