"""Settings of the ingress process, read from the environment once."""

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from db.settings import DatabaseSettings
from ingress.signatures.keys import MIN_TEXT_CHARACTERS
from schemas.settings import KafkaSettings

MAX_BODY_LIMIT: Final = 900_000
"""A body's records must fit librdkafka's and the broker's 1 MB, headers included."""
MAX_WINDOW_SECONDS: Final = 10 * 365 * 86_400
"""A longer one is a mistake, and would not fit where it is counted."""
_PUBLIC_URL: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[!->@-~]*)?")


def _none_if_empty(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _public(value: str | None) -> str | None:
    if value is not None and ("#" in value or not _PUBLIC_URL.fullmatch(value)):
        raise ValueError("must be how senders reach this server, such as https://hooks.example.com, without ? and #")
    return value.rstrip("/") if value else None


PublicUrl = Annotated[str | None, BeforeValidator(_none_if_empty), AfterValidator(_public)]
"""What stands before `/api/…` in the URL that a sender has; without a final slash."""
SourcesFile = Annotated[Path | None, BeforeValidator(_none_if_empty)]


class IngressSettings(KafkaSettings, DatabaseSettings):
    """How webhooks are taken in and groups are read.

    Attributes:
        sources_file: who may send, and how they sign; without it there is the one source `generic`.
        public_url: how senders reach this server; for providers that sign the URL. No header of a request says it.
        webhook_secret: what senders of `generic` sign with; several, comma-separated, while one is rotated out. None
            only beside a file of sources.
        api_token: what readers of the API show; without it nobody can read.
        ingress_host: address to listen on.
        ingress_port: port to listen on; 0 takes any free one, and the log says which.
        signature_max_age_seconds: how old a signature may be.
        signature_max_ahead_seconds: how far a sender's clock may be ahead of ours.
        max_body_bytes: a larger body is refused (413) while it is read.
        body_timeout_seconds: a body that takes longer to arrive is given up (408).
        head_timeout_seconds: so is a head.
        source_requests_per_second: of one source, in one process; more are put off (429); 0 limits nothing.
        api_requests_per_second: with one token, in one process; more are put off (429); 0 limits nothing.
        max_open_requests: more webhooks at once are put off (503); with the body limit, it bounds the memory.
        max_connections: more connections at once are turned away (503).
        publish_timeout_seconds: when the broker takes longer to acknowledge, the answer is 503.
        lookup_timeout_seconds: when the look-up of duplicates takes longer, the change is published unseen.
        drain_seconds: how long a process that is to stop goes on, with `/readyz` saying 503, so that a load balancer
            can turn to others first.
        ingress_metrics_port: where worker 0 serves its metrics besides, the next ones count up; 0 serves nothing. With
            several workers, `/metrics` answers for whichever of them took the request.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    sources_file: SourcesFile = None
    public_url: PublicUrl = None
    webhook_secret: SecretStr | None = Field(default=None, validate_default=True)
    api_token: SecretStr | None = None
    ingress_host: str = Field(default="127.0.0.1", min_length=1)
    ingress_port: int = Field(default=8000, ge=0, le=65535)
    signature_max_age_seconds: float = Field(default=300.0, gt=0, le=MAX_WINDOW_SECONDS)
    signature_max_ahead_seconds: float = Field(default=60.0, ge=0, le=MAX_WINDOW_SECONDS)
    max_body_bytes: int = Field(default=256 * 1024, ge=1024, le=MAX_BODY_LIMIT)
    body_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    head_timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    source_requests_per_second: float = Field(default=20_000.0, ge=0, allow_inf_nan=False)
    api_requests_per_second: float = Field(default=200.0, ge=0, allow_inf_nan=False)
    max_open_requests: int = Field(default=512, ge=1)
    max_connections: int = Field(default=4096, ge=2)
    publish_timeout_seconds: float = Field(default=5.0, ge=0.1, le=60)
    lookup_timeout_seconds: float = Field(default=0.1, ge=0.001, le=5)
    drain_seconds: float = Field(default=0.0, ge=0, le=300)
    ingress_metrics_port: int = Field(default=0, ge=0, le=65535)

    @field_validator("webhook_secret")
    @classmethod
    def _secrets(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if info.data.get("sources_file") is not None and not (value and value.get_secret_value().strip()):
            return None
        if value is None:
            raise ValueError("is required, but not set (openssl rand -hex 32); or name a file of sources, SOURCES_FILE")
        secrets = _split(value)
        if not secrets:
            raise ValueError("is empty: set it to one secret or several, comma-separated (openssl rand -hex 32)")
        if any(len(secret) < MIN_TEXT_CHARACTERS for secret in secrets):
            raise ValueError(f"each secret must have at least {MIN_TEXT_CHARACTERS} characters (openssl rand -hex 32)")
        return SecretStr(",".join(secrets))

    @field_validator("api_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        token = value.get_secret_value().strip() if value else ""
        if not token:
            return None
        if len(token) < MIN_TEXT_CHARACTERS or not token.isascii() or not token.isprintable() or " " in token:
            raise ValueError(f"must be at least {MIN_TEXT_CHARACTERS} ASCII characters, none of them a space")
        return SecretStr(token)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The active secrets, each as the bytes that key the HMAC."""
        return tuple(secret.encode() for secret in _split(self.webhook_secret)) if self.webhook_secret else ()


def _split(value: SecretStr) -> list[str]:
    """The secrets, each once, without the whitespace around them."""
    parts = (part.strip() for part in value.get_secret_value().split(","))
    return list(dict.fromkeys(part for part in parts if part))
