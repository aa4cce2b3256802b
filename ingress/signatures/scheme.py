"""How a sender proves itself, as data: one model for presets and for schemes that a user spells out."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

HeaderName = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,80}$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._~-]{1,80}$")]
Mode = Literal["hmac", "ed25519", "token", "none"]
Unit = Literal["s", "ms", "s-or-ms", "iso"]

PART: Final = re.compile(r"\{(body|timestamp|id|method|url)\}")
SIGNED_MODES: Final = frozenset({"hmac", "ed25519"})


class Data(BaseModel):
    """Configuration: frozen, nothing unknown in it, and nothing of it shown when it is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class KeyFormat(Data):
    """How a secret is written.

    Attributes:
        decode: what makes bytes of its text.
        prefix: what it must begin with; taken off before it is decoded.
        keep_prefix: the prefix is a part of the key (Stripe).
    """

    decode: Literal["text", "base64", "hex"] = "text"
    prefix: str = ""
    keep_prefix: bool = False


class SignaturePlace(Data):
    """Where the signature stands, and how.

    Attributes:
        header: its header.
        grammar: `bare` is the signature alone; `versions` is a list `v1,<signature> v1,<signature>` parted by spaces;
            `pairs` is a list `t=<time>,v1=<signature>`.
        prefix: what stands before a bare signature.
        prefix_optional: the prefix may be absent.
        field: the version, or the name of the pair, that holds a signature of this scheme; others are passed over.
    """

    header: HeaderName
    grammar: Literal["bare", "versions", "pairs"] = "bare"
    prefix: str = ""
    prefix_optional: bool = False
    field: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.grammar == "bare") == (self.field is not None):
            raise ValueError("field is for the grammars versions and pairs, and they need it")
        if self.prefix and self.grammar != "bare":
            raise ValueError("prefix is for the grammar bare; a list names its entries by field")
        return self


class TimestampPlace(Data):
    """Where the time of the signature stands.

    Attributes:
        header: its header.
        field: the name of the pair in the signature's header that holds it; None takes the whole header.
        unit: seconds or ms since 1970, whichever of them fits the number's size, or ISO 8601 with an offset.
    """

    header: HeaderName
    field: str | None = None
    unit: Unit = "s"


class TokenPlace(Data):
    """One place in which a sender may show the token.

    Attributes:
        header: a header; `prefix` (`Bearer `) stands before the token.
        query: a parameter of the URL's query.
        path: the last segment of the URL's path, after the source's name.
    """

    header: HeaderName | None = None
    prefix: str = ""
    query: ParameterName | None = None
    path: bool = False

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is not None) + (self.query is not None) + self.path != 1:
            raise ValueError("must name exactly one of header, query and path = true")
        if self.prefix and self.header is None:
            raise ValueError("prefix is for a header")
        return self


class Scheme(Data):
    """All that tells an authentic request from another, but the secrets.

    Attributes:
        mode: `hmac` and `ed25519` verify a signature, `token` compares a secret that the sender shows, `none` takes
            everything.
        key: how secrets are written.
        message: what is signed: literals and `{body}`, `{timestamp}`, `{id}`, `{method}`, `{url}`.
        digest: of the HMAC.
        encoding: of the signature; no other is accepted.
        signature: where the signature stands.
        timestamp: where the signed time stands; None is a scheme without one, whose requests can be replayed.
        id: the header of the delivery's id.
        url_unescape: characters whose percent-encoding is undone in the URL before it is signed (HubSpot).
        tokens: where the token may stand; the first place in which something is shown counts.
        challenge: answer the provider's question for proof on GET.
        allow_unsigned: says that mode `none` is meant.
    """

    mode: Mode
    key: KeyFormat = KeyFormat()
    message: str | None = None
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64", "base64url"] = "hex"
    signature: SignaturePlace | None = None
    timestamp: TimestampPlace | None = None
    id: HeaderName | None = None
    url_unescape: str = ""
    tokens: tuple[TokenPlace, ...] = ()
    challenge: Literal["linkedin"] | None = None
    allow_unsigned: bool = False

    @property
    def parts(self) -> frozenset[str]:
        """What the message is made of, besides literals."""
        return frozenset(PART.findall(self.message or ""))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mode in SIGNED_MODES:
            self._check_signed()
        elif self.message is not None or self.signature or self.timestamp or self.id:
            raise ValueError(f"mode {self.mode} verifies no signature: leave message, signature, timestamp and id out")
        if (self.mode == "token") != bool(self.tokens):
            raise ValueError("tokens says where the token stands: mode token needs it, and no other mode takes it")
        if self.mode == "none" and not self.allow_unsigned:
            raise ValueError(
                "mode none takes changes from everybody who knows the URL: say allow_unsigned = true if you mean it"
            )
        if self.mode != "none" and self.allow_unsigned:
            raise ValueError("allow_unsigned is for mode none; every other mode verifies")
        if self.challenge and (self.mode, self.key.decode) != ("hmac", "text"):
            raise ValueError("a challenge is answered with an HMAC, whose key is text")
        return self

    def _check_signed(self) -> None:
        if self.message is None or self.signature is None:
            raise ValueError(f"mode {self.mode} needs message and signature, or a preset that has them")
        if unknown := re.search(r"[{}]", PART.sub("", self.message)):
            raise ValueError(f"message has a stray {unknown[0]}: the parts are body, timestamp, id, method and url")
        if sorted(set(found := PART.findall(self.message))) != sorted(found) or "body" not in found:
            raise ValueError("message must have {body} once, and each other part at most once")
        if ("timestamp" in found) != (self.timestamp is not None):
            raise ValueError(
                "timestamp must be in message and have its place, or neither: an unsigned time is no proof"
            )
        if ("id" in found) != (self.id is not None):
            raise ValueError("id must be in message and have its header, or neither: an unsigned id is no proof")
        if "id" in found and not re.search(r"\{id\}[^{]", self.message):
            raise ValueError("message needs a literal after {id}, which tells where the id ends")
        if self.timestamp and self.timestamp.field and self.timestamp.header != self.signature.header:
            raise ValueError("timestamp.field is a pair in the signature's own header")
        if self.timestamp and self.timestamp.field and self.signature.grammar != "pairs":
            raise ValueError("timestamp.field needs signature.grammar = pairs")
