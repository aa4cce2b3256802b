"""What a hostile request is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """What is attacked, and what is known of it.

    Attributes:
        secret: what signatures are made with, of those requests that have a right one.
        token: of the API.
    """

    host: str
    port: int
    secret: str
    token: str


@dataclass(frozen=True, slots=True)
class Hostile:
    """One attempt.

    Attributes:
        parts: what is written, with a pause after each but the last.
        forged: whether it must not be accepted.
        whole: whether an answer may be waited for; what is cut off gets none.
    """

    kind: str
    parts: tuple[bytes, ...]
    forged: bool = True
    whole: bool = True

    @property
    def bodiless(self) -> bool:
        """Whether the only answer has no body, whatever length it announces."""
        return self.kind != "pipelined" and self.parts[0].startswith(b"HEAD ")
