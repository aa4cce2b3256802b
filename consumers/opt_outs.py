"""By what a person who opted out is known again: keyed hashes of their ids, which tell nobody who it was.

A hash without a key would not do: ids, profiles and addresses can be guessed, and a guess could be checked.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from consumers.engine.erasure import is_counter
from consumers.engine.identifiers import email_of, profile_of
from schemas.events import Person

MARK_BYTES: Final = 16
KEY_ID_BYTES: Final = 4
MOST_OCTETS: Final = 1 << 15
"""So much of bytes that nobody can read is looked at: it takes a tenth of a second, and hardly any record has more."""
_LONGEST: Final = 320
"""Octets of a text that is looked up; no id or address is longer."""
_WORDS: Final = (re.compile(r"[^\s\"'<>,;(){}\[\]\\]+"), re.compile(r"[^\s\"'<>,;(){}\[\]\\=&|:]+"))


class Marks:
    """Makes the marks of people.

    Args:
        keys: secrets, the current one first; the others are those that older marks were made with.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        self.key_ids = tuple(hashlib.blake2b(b"key", key=key, digest_size=KEY_ID_BYTES).digest() for key in self._keys)
        self.known_by = lru_cache(maxsize=50_000)(self._known_by)

    def of(self, source: str, person: Person) -> frozenset[bytes]:
        """All that later changes about a person may be known by, under the current key."""
        names = {*_names(source, person.id, person.linkedin_url, person.email), f"id:{source}:{person.id}"}
        return frozenset(_mark(self._keys[0], name) for name in names)

    def _known_by(self, source: str, person_id: str, linkedin_url: str | None, email: str | None) -> frozenset[bytes]:
        """What is looked up to tell whether a person has opted out, under every key."""
        names = _names(source, person_id, linkedin_url, email)
        return frozenset(_mark(key, name) for key in self._keys for name in names)

    def in_bytes(self, data: bytes | None) -> frozenset[bytes]:
        """What somebody may be known by whom bytes name that nobody can read, under every key.

        A number is nobody without its source, and what is packed or written in another way is not seen.
        """
        texts = {text for text in _texts_in((data or b"")[:MOST_OCTETS]) if not is_counter(text)}
        names = {name for text in texts for name in _names("", text, text, text)}
        return frozenset(_mark(key, name) for key in self._keys for name in names)


def _texts_in(data: bytes) -> Iterator[str]:
    """Whatever may be a text of Avro, which has its length before it, or of JSON and the like."""
    written = data.decode("utf-8", "ignore").replace("\\/", "/")
    for word in _WORDS:
        yield from word.findall(written)
    for at in range(len(data) - 2):
        low, high = data[at], data[at + 1]
        start, length = (at + 1, low >> 1) if low < 0x80 else (at + 2, (low & 0x7F | high << 7) >> 1)  # noqa: PLR2004  # a varint
        if low % 2 or not 0 < length <= min(_LONGEST, len(data) - start):
            continue
        text = data[start : start + length].decode("utf-8", "replace")
        if text.isprintable() and "\ufffd" not in text:
            yield text


def _names(source: str, person_id: str, linkedin_url: str | None, email: str | None) -> list[str]:
    names = [f"id:{source}:{person_id}" if is_counter(person_id) else f"id:{person_id}"]
    found = (linkedin_url and profile_of(linkedin_url), email and email_of(email))
    return names + [f"{identifier.kind}:{identifier.value}" for identifier in found if identifier]


def _mark(key: bytes, name: str) -> bytes:
    return hashlib.blake2b(name.encode(), key=key, digest_size=MARK_BYTES).digest()
