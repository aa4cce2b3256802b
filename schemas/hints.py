"""Hints: what a sender says of a person without naming a company that we know.

A hint becomes one change for each company that knows the person; which those are, the resolver looks up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from schemas.codec import Codec
from schemas.events import (
    IDENTITY_TYPES,
    Company,
    FieldChange,
    InvalidChangeError,
    Movement,
    Person,
    PersonChange,
    check_text,
    validate_change,
)
from schemas.writer import Write

_SOMEWHERE: Final = Company("somewhere")
"""Stands for a company that is not known yet."""


@dataclass(frozen=True, slots=True)
class PersonHint:
    """One thing that is said of one person, wherever they are; its identity is (source, person.id, event_id).

    Attributes:
        type: the type of the changes that come of it.
        occurred_at: when it happened, ms UTC.
        received_at: when our first system got it, ms UTC.
        person: by the source's own id.
        movement: LEFT or UNSTATED: what names no company cannot say that somebody is at one.
        company_name: which of the person's companies is meant, for people.
        company_domain: the same; None means all of them.
    """

    event_id: str
    source: str
    type: str
    occurred_at: int
    received_at: int
    person: Person
    movement: Movement = Movement.UNSTATED
    company_name: str | None = None
    company_domain: str | None = None
    changes: Mapping[str, FieldChange] = field(default_factory=dict)

    def at(self, company: Company, person_id: str | None = None) -> PersonChange:
        """The change that this hint is at a company, where the person may have another id than the source's."""
        person, changes = self.person, self.changes
        if person_id is not None and person_id != person.id:
            if self.type in IDENTITY_TYPES and (said := changes.get("id")) is not None:
                # Both ids of a source are written alike.
                changes = {"id": FieldChange(f"{person_id.removesuffix(person.id)}{said.old}", person_id)}
            person = Person(person_id, *(getattr(person, name) for name in Person.__slots__[1:]))
        return PersonChange(
            event_id=self.event_id,
            source=self.source,
            type=self.type,
            occurred_at=self.occurred_at,
            received_at=self.received_at,
            company=company,
            movement=self.movement,
            person=person,
            changes=changes,
        )


def validate_hint(hint: PersonHint) -> PersonHint:
    """Hold a hint against the limits of the contract and hand it back: it is valid if its changes are.

    Raises:
        InvalidChangeError: names the first field that breaks a limit.
    """
    validate_change(hint.at(_SOMEWHERE))
    if hint.movement not in (Movement.LEFT, Movement.UNSTATED):
        raise InvalidChangeError("movement", "must be LEFT or UNSTATED where no company is named")
    for name, text in (("companyName", hint.company_name), ("companyDomain", hint.company_domain)):
        if text is not None:
            check_text(name, text)
    return hint


def encode_hint(hint: PersonHint) -> bytes:
    """A hint as bytes for the topic.

    Raises:
        InvalidChangeError: the hint breaks a limit of the contract.
    """
    return _hint_writer()(validate_hint(hint))


def decode_hint(data: bytes | None) -> PersonHint:
    """The hint in a record's value.

    Raises:
        UndecodableError: the bytes are no hint of any released version.
        InvalidChangeError: they are, but the hint breaks a limit of the contract.
    """
    return validate_hint(decode_unvalidated_hint(data))


def decode_unvalidated_hint(data: bytes | None) -> PersonHint:
    """The hint in a record's value, whether or not it keeps to the limits of the contract.

    Raises:
        UndecodableError: see `decode_hint`.
    """
    record = hint_codec().decode(data)
    record["person"] = Person(**record["person"])
    record["movement"] = Movement(record["movement"])
    record["changes"] = {name: FieldChange(**value) for name, value in record["changes"].items()}
    return PersonHint(**record)


@cache
def hint_codec() -> Codec:
    """The codec of ``person_hint.avsc``."""
    return Codec("person_hint")


@cache
def _hint_writer() -> Write:
    return hint_codec().writer()
