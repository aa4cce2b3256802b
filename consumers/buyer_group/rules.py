"""The rules that put people into a group or keep them out, in the order in which they are tried.

A rule answers why it fits, or None. Its id is stored with each member, so an id never changes its meaning.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from consumers.buyer_group.context import country_code
from consumers.buyer_group.model import RANK, Function, Role, Seniority
from consumers.buyer_group.phrases import Phrases
from consumers.buyer_group.policy import PRIMARY, SECONDARY, Policy
from consumers.buyer_group.tiers import Tier
from consumers.buyer_group.titles import TitleReading

HEADS: Final = frozenset({Seniority.OWNER, Seniority.C_LEVEL})
LEADS: Final = HEADS | frozenset({Seniority.PARTNER, Seniority.VP})
RUNS: Final = frozenset({Seniority.HEAD, Seniority.DIRECTOR})
MANAGES: Final = LEADS | RUNS | {Seniority.MANAGER}
CARRIES: Final = MANAGES | {Seniority.SENIOR}
_OUTSIDE: Final = frozenset({Seniority.TRAINING, Seniority.UNPAID})
_ACCOUNT_WORK: Final = Phrases(dict.fromkeys(("account manager", "account management", "account director"), ""))
_NAMES: Final[Mapping[str, str]] = {"c_level": "C-level", "vp": "vice president", "hr": "HR", "it": "IT"}


class Terms(NamedTuple):
    """What is the same for everybody in a company.

    Attributes:
        size: how many people work there; None: unknown.
        best: the rank of the highest level in each primary function, of those whom nothing keeps out.
        blocks: whether anybody here can say no.
    """

    policy: Policy
    size: int | None
    tier: Tier
    best: Mapping[str | None, int]
    blocks: bool


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """Somebody with a title, as the policy sees them; compared by identity, to be a key of what is remembered.

    Attributes:
        title: as it is written. The same for the country.
        standing: PRIMARY or SECONDARY, of the title or else of the function; None is neither.
        named: the phrase of the policy that the title has; None: none.
    """

    title: str | None
    country: str | None
    reading: TitleReading
    standing: str | None
    named: str | None


class Rule(NamedTuple):
    """One rule that gives a role.

    Attributes:
        asks: what it asks, in words.
        fits: why it fits, or None.
    """

    id: str
    role: Role
    asks: str
    fits: Callable[[Terms, Candidate], str | None]


class Exclusion(NamedTuple):
    """One rule that keeps people out; it holds at any company, whoever else works there. Attributes as of `Rule`."""

    id: str
    asks: str
    fits: Callable[[Policy, Candidate], str | None]


@lru_cache(maxsize=1024)
def name(value: str) -> str:
    """A level, function or role in words."""
    return _NAMES.get(value, value.replace("_", " "))


def _seeking(_: Policy, person: Candidate) -> str | None:
    return "says that they look for work" if "seeking" in person.reading.flags else None


def _outside(_: Policy, person: Candidate) -> str | None:
    level = person.reading.seniority
    return f"is {name(level)}, so takes no part in a purchase" if level in _OUTSIDE and level else None


def _excluded_department(policy: Policy, person: Candidate) -> str | None:
    function = person.reading.function
    return f"{name(function)} is excluded" if function and function in policy.excluded else None


def _excluded_title(policy: Policy, person: Candidate) -> str | None:
    found = policy.excluded_phrases.find(person.title)
    return f"the title has “{found[0]}”, which is excluded" if found else None


def _anti_persona(policy: Policy, person: Candidate) -> str | None:
    for persona, phrases in policy.personas:
        if persona.departments and person.reading.function not in persona.departments:
            continue
        if not phrases:
            return f"is of the anti-persona {persona.name}: works in {name(person.reading.function or '')}"
        if found := phrases.find(person.title):
            return f"is of the anti-persona {persona.name}: the title has “{found[0]}”"
    return None


def _excluded_country(policy: Policy, person: Candidate) -> str | None:
    country = person.country
    if country and policy.countries and country_code(country) not in policy.countries:
        return f"lives in {country}, which is none of the policy's countries"
    return None


EXCLUSIONS: Final = (
    Exclusion("seeking-work", "looks for work", _seeking),
    Exclusion("outside-level", "is in training or unpaid", _outside),
    Exclusion("excluded-department", "works in an excluded department", _excluded_department),
    Exclusion("excluded-title", "has an excluded phrase in the title", _excluded_title),
    Exclusion("anti-persona", "is of an anti-persona", _anti_persona),
    Exclusion("excluded-country", "lives outside the policy's countries", _excluded_country),
)
"""What keeps people out, before any rule gives a role."""


def exclusions(policy: Policy) -> tuple[Exclusion, ...]:
    """Those that a policy asks for: nobody is held against a list that is empty."""
    asked = (True, True, policy.excluded, policy.excluded_titles, policy.anti_personas, policy.countries)
    return tuple(rule for rule, wanted in zip(EXCLUSIONS, asked, strict=True) if wanted)


def _buys(person: Candidate) -> str:
    if person.named is not None:
        return f"a title that the policy names as a buyer's (“{person.named}”)"
    return f"a department that buys ({person.reading.function})"


def _may_sign(terms: Terms, level: str | None) -> bool:
    """Whether a deal of the policy's size is somebody's to decide, in a company of this size."""
    deal, tier = terms.policy.deal_size, terms.tier
    if deal is None or level in HEADS:
        return True
    if level in LEADS:
        return deal <= tier.vp_signs
    return deal <= (tier.director_signs if level in RUNS else tier.manager_signs)


def _primary_leads(terms: Terms, person: Candidate) -> str | None:
    level = person.reading.seniority
    if person.standing != PRIMARY or level not in LEADS or not _may_sign(terms, level):
        return None
    return f"leads {_buys(person)}"


def _primary_highest(terms: Terms, person: Candidate) -> str | None:
    level, deal = person.reading.seniority, terms.policy.deal_size
    if person.standing != PRIMARY or level is None or level not in MANAGES or level in LEADS:
        return None
    if level == Seniority.MANAGER and deal is None:
        return None
    if RANK[level] > terms.best.get(person.reading.function, len(RANK)) or not _may_sign(terms, level):
        return None
    return f"nobody ranks higher in {_buys(person)}"


def _primary_carries(terms: Terms, person: Candidate) -> str | None:
    level = person.reading.seniority
    if person.standing != PRIMARY or (level not in CARRIES and person.named is None):
        return None
    why = f"carries the work of {_buys(person)}"
    if level in LEADS and not _may_sign(terms, level):
        return f"{why}; a deal of {terms.policy.deal_size:,} is above the {terms.tier.vp_signs:,} that they sign"
    return why


def _is_head(person: Candidate) -> bool:
    return person.reading.function == Function.EXECUTIVE and person.reading.seniority in HEADS


def _signs_everything(terms: Terms, person: Candidate) -> str | None:
    size = terms.size
    if size is None or size >= terms.policy.signs_everything_below or not _is_head(person):
        return None
    return f"signs everything in a company of {size}"


def _signs_the_deal(terms: Terms, person: Candidate) -> str | None:
    deal = terms.policy.deal_size
    if deal is None or deal <= terms.tier.vp_signs or not _is_head(person):
        return None
    return f"a deal of {deal:,} is above the {terms.tier.vp_signs:,} that a vice president signs here"


def _sponsors(_: Terms, person: Candidate) -> str | None:
    return "sponsors what the company buys" if _is_head(person) else None


def _can_say_no(terms: Terms, person: Candidate) -> str | None:
    function = person.reading.function
    if not terms.blocks or function not in terms.policy.blocking or person.reading.seniority not in MANAGES:
        return None
    return f"can say no on behalf of {name(function or '')}"


def _supports(_: Terms, person: Candidate) -> str | None:
    supports = "support" in person.reading.flags and person.reading.function == Function.ADMINISTRATIVE
    return "supports those who decide" if supports else None


def _sells(terms: Terms, person: Candidate) -> str | None:
    if person.reading.function != Function.SALES or not terms.policy.sellers_introduce:
        return None
    if Function.SALES in terms.policy.primary or person.standing == PRIMARY:
        return None
    if _ACCOUNT_WORK.find(person.title):
        return None
    return "sells for the company, so knows whom to introduce"


def _board(terms: Terms, person: Candidate) -> str | None:
    on_it = terms.policy.board_introduces and "board" in person.reading.flags
    return "sits on the board" if on_it else None


def _has_a_say(_: Terms, person: Candidate) -> str | None:
    if person.named is not None and person.standing == SECONDARY:
        return f"the policy names the title (“{person.named}”)"
    if person.standing is None or person.reading.seniority not in MANAGES:
        return None
    return f"has a say for {name(person.reading.function or '')}"


ROLES: Final = (
    Rule("primary-leads", Role.DECISION_MAKER, "leads what buys, and may sign", _primary_leads),
    Rule("primary-highest", Role.DECISION_MAKER, "is the highest in what buys, and may sign", _primary_highest),
    Rule("primary-carries", Role.CHAMPION, "carries the work of what buys", _primary_carries),
    Rule("signs-everything", Role.DECISION_MAKER, "heads a company so small that one signs all", _signs_everything),
    Rule("signs-the-deal", Role.DECISION_MAKER, "heads a company where nobody below may sign", _signs_the_deal),
    Rule("sponsors", Role.STAKEHOLDER, "heads the company", _sponsors),
    Rule("can-say-no", Role.BLOCKER, "manages what can say no", _can_say_no),
    Rule("supports-deciders", Role.INTRODUCER, "assists somebody who decides", _supports),
    Rule("sellers-introduce", Role.INTRODUCER, "sells for the company", _sells),
    Rule("has-a-say", Role.STAKEHOLDER, "manages what has a say", _has_a_say),
    Rule("board-introduces", Role.INTRODUCER, "sits on the board", _board),
)
"""The first that fits gives the role."""
_OF_HEADS: Final = ROLES[3:]
_OF_OTHERS: Final = ROLES[6:]


def rules_for(person: Candidate) -> tuple[Rule, ...]:
    """Those that can fit somebody: the first three ask for a primary standing, the next three for a company head."""
    if person.standing == PRIMARY:
        return ROLES
    return _OF_HEADS if person.reading.function == Function.EXECUTIVE else _OF_OTHERS


SET_BY_USER: Final = "set-by-user"
TOO_MANY: Final = "too-many-in-role"
"""Ids of what is no rule about a person alone: somebody chose, or a cap moved them on."""
