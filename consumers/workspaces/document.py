"""A policy as a document: the file that a person writes, and the JSON that is stored of it (docs/workspaces.md).

What is stored has every value in it, defaults and built-in anti-personas too, so that a later release with other
defaults makes the same groups of the same log (law L6).
"""

from collections.abc import Iterable
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from consumers.buyer_group.context import country_code
from consumers.buyer_group.model import Function, Role, Seniority
from consumers.buyer_group.policy import (
    ANTI_PERSONAS,
    DEFAULT_POLICY,
    AntiPersona,
)
from consumers.buyer_group.tiers import TIERS, UNLIMITED
from schemas.events import InvalidChangeError, check_id

MOST_PHRASES: Final = 1000
_CODE_LETTERS: Final = 2
BUILT_IN: Final = {persona.name: persona for persona in ANTI_PERSONAS}


def _functions(names: Iterable[str]) -> list[Function]:
    return sorted(map(Function, names))


def _domain(text: str) -> str:
    return text.strip().casefold().removeprefix("www.")


def _country(text: str) -> str:
    code = country_code(text)
    if len(code) != _CODE_LETTERS or not code.isalpha():
        raise ValueError("must be a country's two-letter code, or its name in English or its own language")
    return code


def _workspace_id(text: str) -> str:
    try:
        check_id("workspace", text)
    except InvalidChangeError as error:
        raise ValueError(error.reason) from None
    return text


def _known_persona(text: str) -> str:
    if text not in BUILT_IN:
        raise ValueError(f"must be one of {', '.join(BUILT_IN)}; others are spelled out under [[anti_personas.own]]")
    return text


def _label(text: str) -> str:
    if "," in text or text.strip() != text:
        raise ValueError("must have no comma in it and no blank around it")
    return text


Count = Annotated[int, Field(ge=0, le=10_000)]
Money = Annotated[int, Field(ge=0, le=10**15)]
People = Annotated[int, Field(ge=0, le=UNLIMITED)]
Phrase = Annotated[str, Field(min_length=1, max_length=200)]
PhraseList = Annotated[list[Phrase], Field(max_length=MOST_PHRASES)]
Label = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_label)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_enum_values=True)


class Companies(_Part):
    """Which companies have a group: those that meet all of it."""

    track: bool = True
    ids: list[str] = []
    domains: list[Annotated[str, AfterValidator(_domain)]] = []
    employees_from: People | None = None
    employees_to: People | None = None


_FUNCTIONS = Annotated[list[Annotated[Function, Field(strict=False)]], Field(max_length=len(Function))]
_ROLE = Annotated[Role, Field(strict=False)]


class Departments(_Part):
    """Functions, by what they are in a purchase."""

    primary: _FUNCTIONS = _functions(DEFAULT_POLICY.primary)
    secondary: _FUNCTIONS = _functions(DEFAULT_POLICY.secondary)
    excluded: _FUNCTIONS = []
    blocking: _FUNCTIONS = _functions(DEFAULT_POLICY.blocking)


class Titles(_Part):
    """Phrases in titles, by what they make of somebody."""

    primary: PhraseList = []
    secondary: PhraseList = []
    excluded: PhraseList = []


class Persona(_Part):
    """People who look like buyers and are none."""

    name: Label
    titles: PhraseList = []
    departments: _FUNCTIONS = []

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.titles and not self.departments:
            raise ValueError("must have titles or departments, else it would keep everybody out")
        return self


class Personas(_Part):
    """Anti-personas: built-in ones by name, and own ones."""

    use: list[Annotated[str, AfterValidator(_known_persona)]] = []
    own: list[Persona] = []


class Deal(_Part):
    """What a purchase is worth, and who signs whatever it is."""

    size: Money | None = None
    signs_everything_below: People = DEFAULT_POLICY.signs_everything_below


class Blockers(_Part):
    """Where anybody can say no."""

    employees_above: People = DEFAULT_POLICY.blockers_above
    deal_above: Money = DEFAULT_POLICY.blockers_deal_above


class Introducers(_Part):
    """Who introduces, besides assistants of those who decide."""

    sellers: bool = DEFAULT_POLICY.sellers_introduce
    board: bool = DEFAULT_POLICY.board_introduces


class Caps(_Part):
    """At most so many members a role, whatever the size of the company."""

    decision_maker: Count | None = None
    champion: Count | None = None
    stakeholder: Count | None = None
    blocker: Count | None = None
    introducer: Count | None = None


class Size(_Part):
    """Companies of a size."""

    name: Label
    up_to: People = UNLIMITED
    decision_maker: Count
    champion: Count
    stakeholder: Count
    blocker: Count
    introducer: Count
    vp_signs: Money
    director_signs: Money
    manager_signs: Money


class Own(_Part):
    """An own name of a role."""

    name: Label
    role: _ROLE
    departments: _FUNCTIONS = []
    levels: list[Annotated[Seniority, Field(strict=False)]] = []
    titles: PhraseList = []


class Wanted(_Part):
    """How many people a complete group has in a role."""

    role: str
    members: Annotated[int, Field(ge=1, le=1000)] = 1


class PolicyDocument(_Part):
    """A policy."""

    workspace: Annotated[str, AfterValidator(_workspace_id)] = DEFAULT_POLICY.workspace_id
    countries: list[Annotated[str, AfterValidator(_country)]] = []
    also: list[_ROLE] = []
    companies: Companies = Companies()
    departments: Departments = Departments()
    titles: Titles = Titles()
    anti_personas: Personas = Personas()
    deal: Deal = Deal()
    blockers: Blockers = Blockers()
    introducers: Introducers = Introducers()
    caps: Caps = Caps()
    tiers: list[Size] = [Size(**tier._asdict()) for tier in TIERS]
    own_roles: list[Own] = []
    required: list[Wanted] = [Wanted(**want._asdict()) for want in DEFAULT_POLICY.required]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        limits = [size.up_to for size in self.tiers]
        if not limits or limits[-1] != UNLIMITED or sorted(set(limits)) != limits:
            raise ValueError("tiers: must ascend by up_to, and the last one must have none: it takes every size")
        _unique("tiers", (size.name for size in self.tiers))
        _unique("own_roles", (own.name.casefold() for own in self.own_roles))
        for own in self.own_roles:
            if own.name.casefold() in set(Role):
                raise ValueError(f"own_roles: {own.name} is one of the five roles already")
        names = [*Role, *(own.name for own in self.own_roles)]
        for want in self.required:
            if want.role not in names:
                raise ValueError(f"required: {want.role} is no role; the roles are {', '.join(names)}")
        return self

    def stored(self) -> str:
        """The JSON that is stored: with all values, and every anti-persona spelled out."""
        built_in = [spelled_out(BUILT_IN[name]) for name in self.anti_personas.use]
        spelled = self.model_copy(update={"anti_personas": Personas(own=[*built_in, *self.anti_personas.own])})
        return spelled.model_dump_json()


def spelled_out(persona: AntiPersona) -> Persona:
    """A built-in anti-persona as a document has it."""
    return Persona(name=persona.name, titles=list(persona.titles), departments=_functions(persona.departments))


def _unique(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name} is there twice")
        seen.add(name)
