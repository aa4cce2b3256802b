"""What `send` reads from the environment."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cli.signing import DEFAULT_URL


class SenderSettings(BaseSettings):
    """Where the ingress is and how to sign for it.

    Attributes:
        webhook_secret: the ingress's secrets, comma-separated; the first one signs.
        ingress_url: base address of the ingress.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    webhook_secret: SecretStr = SecretStr("")
    ingress_url: str = DEFAULT_URL
