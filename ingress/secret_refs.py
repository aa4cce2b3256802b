"""Secrets by reference: `env:NAME` or `file:/path`. The configuration names them, and never has one in it."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from ingress.signatures.keys import Key, KeyFormatError, decode_secret
from ingress.signatures.scheme import Data, Scheme

MAX_FILE_BYTES: Final = 16 * 1024
"""A file that is larger is no secret."""
_ENVIRONMENT: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)")
_FILE: Final = re.compile(r"file:/[^\x00]+")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FORMS: Final = "must be env:NAME or file:/absolute/path; the secret itself never stands in this file"


class SecretRef(Data):
    """Where one secret is, and when it counts.

    Attributes:
        ref: `env:NAME` or `file:/path`.
        not_before: from when on it counts, with an offset.
        not_after: until when it counts.
        application: the id of the provider's application whose secret it is, where it asks on behalf of several.
    """

    ref: str
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
    application: str | None = Field(default=None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"ref": value} if isinstance(value, str) else value

    @field_validator("ref")
    @classmethod
    def _is_reference(cls, value: str) -> str:
        if not (_ENVIRONMENT.fullmatch(value) or _FILE.fullmatch(value)):
            raise ValueError(_FORMS)
        return value

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.not_before and self.not_after and self.not_before > self.not_after:
            raise ValueError("not_before is later than not_after, so it would never count")
        return self

    def key(self, scheme: Scheme) -> Key:
        """The secret as a key of the scheme.

        Raises:
            KeyFormatError: it is not there, or cannot be right; the text says which one and what to do.
        """
        try:
            value = decode_secret(scheme, self._text())
        except KeyFormatError as error:
            raise KeyFormatError(f"{self.ref} {error}") from None
        return Key(self.ref, value, _ms(self.not_before), _ms(self.not_after), self.application)

    def _text(self) -> str:
        if found := _ENVIRONMENT.fullmatch(self.ref):
            if found[1] not in os.environ:
                raise KeyFormatError("is not set: give this process the environment variable")
            return os.environ[found[1]].strip()
        return _file_text(Path(self.ref.removeprefix("file:")))


def _file_text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():  # a pipe would hold everybody up until somebody writes to it
            raise KeyFormatError("is no plain file: put the secret into one, readable by this process")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise KeyFormatError(f"cannot be read ({why}): put the secret there, readable by this process") from None
    if len(content) > MAX_FILE_BYTES:
        raise KeyFormatError(f"has more than {MAX_FILE_BYTES} bytes: it is no secret")
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise KeyFormatError("is not text in UTF-8: write the secret as its sender shows it") from None


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(milliseconds=1)
