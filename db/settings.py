"""Where PostgreSQL is, read from the environment once."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class DatabaseSettings(BaseSettings):
    """Where PostgreSQL is.

    Attributes:
        database_url: libpq URI; secret, because it may hold a password.
        database_statement_timeout_seconds: a statement that takes longer is cancelled and retried.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = SecretStr("postgresql://127.0.0.1:5432/person_changes")
    database_statement_timeout_seconds: float = Field(default=30.0, gt=0)
