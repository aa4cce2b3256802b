"""Lusha's webhooks: `promotion` and `companyChange` of a contact, and the contact's opt-out.

The company somebody works for now has Lusha's id; the one they left often only a name and a domain, and is then told by
a hint.
"""

from typing import Any, Final

from ingress.providers import Found, Skipped
from ingress.providers.fields import JsonObject, as_list, derived_id, element, identifier, instant, spelled, text
from schemas.events import ChangeType, Company, InvalidChangeError, Movement, Person, PersonChange, validate_change
from schemas.hints import PersonHint, validate_hint

DEFAULT_SOURCE: Final = "lusha"
_SIGNALS: Final = {"promotion": ChangeType.PROMOTION, "companyChange": ChangeType.COMPANY_CHANGE}
_OPT_OUTS: Final = frozenset({"optout", "contactoptout"})
_MAX_DEPARTMENTS: Final = 100


def read_signal(payload: Any, received_at: int, source: str | None) -> Found | Skipped:
    """The records of a signal; see `Adapter`."""
    body, source = element(payload, "body"), source or DEFAULT_SOURCE
    kind = text(body.get("type"), "type")
    if kind is None and body.get("contactId") is not None:
        return Found(hints=(_opted_out(body, "contactId", "contactOptOutDate", received_at, source),))
    if kind is None:
        raise InvalidChangeError("type", "must be given as text")
    if kind.lower().replace("_", "").replace("-", "") in _OPT_OUTS:
        return Found(hints=(_opted_out(body, "entityId", "timestamp", received_at, source),))
    if kind not in _SIGNALS or body.get("entityType", "contact") != "contact":
        return Skipped(f"only {', '.join(_SIGNALS)} and the opt-out of a contact change a buyer group")
    return _Signal(body, _SIGNALS[kind], received_at, source).found()


def _opted_out(body: JsonObject, person: str, date: str, received_at: int, source: str) -> PersonHint:
    """The opt-out takes nothing along but the id; without an id of its own, person and date are its identity."""
    person_id, given = identifier(body.get(person), person), body.get("id")
    hint = PersonHint(
        event_id=derived_id(person_id, body.get(date)) if given is None else identifier(given, "id"),
        source=source,
        type=ChangeType.OPTED_OUT,
        occurred_at=instant(body.get(date), date, received_at),
        received_at=received_at,
        person=Person(person_id),
    )
    with spelled({"person.id": person, "timestamp": date}):
        return validate_hint(hint)


class _Signal:
    """One promotion or change of company.

    Args:
        body: the payload.
        kind: the contract's type of it.
    """

    def __init__(self, body: JsonObject, kind: ChangeType, received_at: int, source: str) -> None:
        self._data = data = element(body.get("data"), "data")
        self._kind, self._received_at, self._source = kind, received_at, source
        self._id = identifier(body.get("id"), "id")
        self._who = "data.personId" if data.get("personId") is not None else "entityId"
        self._person = identifier(data.get("personId", body.get("entityId")), self._who)
        # The day of the signal, not that of the delivery: what happened since then, told by others, must win.
        self._when = "data.signalDate" if data.get("signalDate") is not None else "timestamp"
        told = data.get("signalDate") if data.get("signalDate") is not None else body.get("timestamp")
        self._occurred_at = instant(told, self._when, received_at)

    def found(self) -> Found:
        """What it says."""
        current, left = self._company("current"), self._company("previous")
        moved = self._kind is ChangeType.COMPANY_CHANGE and (left is not None or self._told_of_another())
        if current is None and not moved:
            raise InvalidChangeError("data.currentCompanyId", "must be given")
        gone = self._gone(left, current) if moved and not (left and current and left.id == current.id) else Found()
        if current is None:
            return gone
        movement = Movement.JOINED if self._kind is ChangeType.COMPANY_CHANGE else Movement.NONE
        joined = self._change(current, "current", movement, left if moved else None)
        return Found((*gone.changes, joined), gone.hints)

    def _gone(self, left: Company | None, other: Company | None) -> Found:
        """They left a company whose id is known, or one of which only name and domain are."""
        if left is not None:
            return Found((self._change(left, "previous", Movement.LEFT, other),))
        hint = PersonHint(
            self._id,
            self._source,
            self._kind,
            self._occurred_at,
            self._received_at,
            Person(self._person),
            Movement.LEFT,
            text(self._data.get("previousCompanyName"), "data.previousCompanyName"),
            text(self._data.get("previousDomain"), "data.previousDomain"),
        )
        with spelled(self._places()):
            return Found(hints=(validate_hint(hint),))

    def _change(self, company: Company, which: str, movement: Movement, other: Company | None = None) -> PersonChange:
        gone = movement is Movement.LEFT
        change = PersonChange(
            event_id=self._id,
            source=self._source,
            type=self._kind,
            occurred_at=self._occurred_at,
            received_at=self._received_at,
            company=company,
            movement=movement,
            person=Person(self._person) if gone else self._employee(),
            other_company=other,
        )
        places = {"company.id": f"data.{which}CompanyId", "otherCompany.id": "data.previousCompanyId"}
        with spelled({**self._places(), **places}):
            return validate_change(change)

    def _places(self) -> dict[str, str]:
        return {"person.id": self._who, "timestamp": self._when}

    def _employee(self) -> Person:
        title = text(self._data.get("currentTitle"), "data.currentTitle")
        return Person(self._person, title=title, department=self._department())

    def _department(self) -> str | None:
        """The first one."""
        if not (given := self._data.get("currentDepartments")):
            return None
        first = as_list(given, "data.currentDepartments", _MAX_DEPARTMENTS)[0]
        if isinstance(first, str):
            return text(first, "data.currentDepartments[0]")
        return text(element(first, "data.currentDepartments[0]").get("value"), "data.currentDepartments[0].value")

    def _company(self, which: str) -> Company | None:
        """A company with an id; None without."""
        given = self._data.get(f"{which}CompanyId")
        if given is None:
            return None
        return Company(
            identifier(given, f"data.{which}CompanyId"),
            text(self._data.get(f"{which}CompanyName"), f"data.{which}CompanyName"),
            text(self._data.get(f"{which}Domain"), f"data.{which}Domain"),
        )

    def _told_of_another(self) -> bool:
        """Whether a company is told, by domain or else by name, that is not the one they are at."""
        for what in ("Domain", "CompanyName"):
            previous = text(self._data.get(f"previous{what}"), f"data.previous{what}")
            if previous is not None:
                current = text(self._data.get(f"current{what}"), f"data.current{what}")
                return current is None or previous.casefold() != current.casefold()
        return False
