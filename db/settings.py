"""Where PostgreSQL is, read from the environment once."""

from typing import Final

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LEAST_KEY_CHARACTERS: Final = 16


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is.

    Attributes:
        database_url: libpq URI; secret, because it may hold a password.
        database_statement_timeout_seconds: a statement that takes longer is cancelled and retried.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = SecretStr("postgresql://127.0.0.1:5432/person_changes")
    database_statement_timeout_seconds: float = Field(default=30.0, gt=0)


class OptOutSettings(BaseSettings):
    """By which secret people who opted out are known again.

    Attributes:
        opt_out_key: of the keyed hashes; several, comma-separated: new ones are made with the first, older ones are
            known by any. Keep it for ever: without it nobody who opted out is known again.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    opt_out_key: SecretStr = Field(default=SecretStr(""), validate_default=True)

    @field_validator("opt_out_key")
    @classmethod
    def _check_key(cls, value: SecretStr) -> SecretStr:
        keys = _keys(value)
        if not keys:
            raise ValueError("is required, but not set; make one with `openssl rand -hex 32` and keep it for ever")
        if any(len(key) < LEAST_KEY_CHARACTERS for key in keys):
            raise ValueError(f"must have {LEAST_KEY_CHARACTERS} characters or more")
        return value

    @property
    def opt_out_keys(self) -> list[str]:
        """The keys, the current one first."""
        return _keys(self.opt_out_key)


def _keys(value: SecretStr) -> list[str]:
    return [key for key in (part.strip() for part in value.get_secret_value().split(",")) if key]
