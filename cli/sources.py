# ruff: noqa: PLC0415 -- the server's parts are loaded inside the command, so that --help starts fast
"""`person-changes sources`: who may send webhooks, and whether the file that says so is right."""

from typing import TYPE_CHECKING, Any

from cli.environment import read_settings
from cli.failures import USAGE, CommandError
from cli.output import AsJson, emit, iso, now_ms, table

if TYPE_CHECKING:
    from ingress.settings import IngressSettings
    from ingress.signatures.keys import Key
    from ingress.sources import Source

_HEADS = ("source", "url", "mode", "payload", "secrets")


def sources_command(as_json: AsJson = False) -> None:
    """Check the sources of webhooks, then list them.

    Sources are in the file that SOURCES_FILE names, and in WEBHOOK_SECRET. All that is wrong with them is said, as the
    ingress would say it; exit code 2. Secrets are read to check them, and never shown. Run it before the ingress is
    told to read the file again (SIGHUP).
    """
    from ingress.settings import IngressSettings
    from ingress.source_file import SourcesError
    from ingress.sources import sources_from

    settings = read_settings(IngressSettings)
    try:
        found = sources_from(settings).named.values()
    except SourcesError as error:
        raise CommandError(str(error), USAGE) from error
    now = now_ms()
    if as_json:
        emit({"sources": [_document(source, settings, now) for source in found]})
        return
    table(_HEADS, [_row(source, settings, now) for source in found])


def _url(source: "Source", settings: "IngressSettings") -> str:
    from ingress.app import WEBHOOK

    token = "/<token>" if source.path_token else ""
    return f"{source.public_url or settings.public_url or ''}{WEBHOOK}/{source.name}{token}"


def _row(source: "Source", settings: "IngressSettings", now: int) -> tuple[object, ...]:
    secrets = ", ".join(_secret(key, now) for key in source.keys)
    return (source.name, _url(source, settings), source.mode, source.adapter, secrets)


def _secret(key: "Key", now: int) -> str:
    if key.counts(now):
        return key.name if key.not_after is None else f"{key.name} (until {iso(key.not_after)})"
    if key.not_before is not None and now < key.not_before:
        return f"{key.name} (from {iso(key.not_before)})"
    return f"{key.name} (no more)"


def _document(source: "Source", settings: "IngressSettings", now: int) -> dict[str, Any]:
    return {
        "name": source.name,
        "url": _url(source, settings),
        "mode": source.mode,
        "adapter": source.adapter,
        "secrets": [
            {
                "ref": key.name,
                "notBefore": iso(key.not_before),
                "notAfter": iso(key.not_after),
                "counts": key.counts(now),
            }
            for key in source.keys
        ],
    }
