"""LinkedIn's question for proof: `GET ?challengeCode=<UUID>`, answered without broker or database.

It is asked every two hours, wants an answer within three seconds, and the third failure in a row ends all events.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import QueryParams

from ingress.problems import Problem
from ingress.signatures.keys import Key, active

CODE: Final = "challengeCode"
APPLICATION: Final = "applicationId"
_UUID4: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """Answers with one secret: the first that counts, for the application that is asked for.

    Attributes:
        keys: in the order of the configuration; while one is rotated out, the one that LinkedIn holds comes first.
    """

    keys: tuple[Key, ...]

    def answer(self, query: QueryParams, now: int) -> Mapping[str, Any] | None:
        """The document that proves that we hold the secret; None when nobody asks.

        Raises:
            Problem: what is asked is none of LinkedIn's questions.
        """
        codes = query.getlist(CODE)
        if not codes:
            return None
        # The answer is keyed as the signature of a POST is: signing any text would sign forged events for strangers.
        if len(codes) != 1 or not _UUID4.fullmatch(codes[0]):
            raise Problem("challenge", f"{CODE} must be one UUID of version 4, in lower case")
        digest = hmac.digest(self._key(query.get(APPLICATION), now).value, codes[0].encode(), "sha256")
        return {"challengeCode": codes[0], "challengeResponse": digest.hex()}

    def _key(self, application: str | None, now: int) -> Key:
        keys = active(self.keys, now)
        several = any(key.application is not None for key in self.keys)
        fitting = [key for key in keys if not several or key.application == application]
        if not fitting:
            raise Problem("challenge", "no secret of this source counts now for the application that is asked for")
        return fitting[0]
