"""What a workspace may decide about its buyer groups. Plain data, versioned; the default is every workspace's start.

docs/workspaces.md says what each of it means, and the file that it is written in.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from consumers.buyer_group.model import CompanyFacts, Function, Role
from consumers.buyer_group.phrases import Phrases
from consumers.buyer_group.tiers import TIERS, Tier

PRIMARY: Final = "primary"
SECONDARY: Final = "secondary"


class AntiPersona(NamedTuple):
    """People who look like buyers and are none.

    Attributes:
        titles: phrases, one of which their title has; empty: whatever the title.
        departments: only people of these; empty: of any.
    """

    name: str
    titles: tuple[str, ...] = ()
    departments: frozenset[str] = frozenset()


ANTI_PERSONAS: Final = (
    AntiPersona(
        "product-managers",
        (
            *("product manager", "product management", "product owner", "produktmanager", "produktmanagerin"),
            *("chef de produit", "cheffe de produit", "jefe de producto", "gerente de produto", "产品经理"),
        ),
    ),
    AntiPersona(
        "account-managers",
        ("account manager", "account management", "client manager", "customer success manager", "client partner"),
    ),
    AntiPersona(
        "named-account-sellers",
        (
            *("strategic account", "strategic accounts", "global account", "global accounts", "named account"),
            *("named accounts", "major account", "major accounts", "key account", "key accounts"),
            *("grands comptes", "großkunden", "grosskunden", "cuentas clave", "grandes cuentas"),
        ),
    ),
)
"""Those that a workspace may name without spelling them out: what the original's users called false members."""


class OwnRole(NamedTuple):
    """A workspace's own name for some of the people who have one of the five roles.

    Attributes:
        role: the one of the five.
        departments: only people of these; empty: of any. The same for `levels` and for `titles` (phrases).
    """

    name: str
    role: str
    departments: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()
    titles: tuple[str, ...] = ()


class Required(NamedTuple):
    """How many people a complete group has in a role, one of the five or an own one."""

    role: str
    members: int = 1


class Tracking(NamedTuple):
    """Which companies a workspace wants groups of: those that meet all of this; empty and None ask for nothing.

    Attributes:
        any: False: of none at all.
        companies: ids.
        domains: in lower case; a company without a known one is not tracked then, whatever its name.
        employees_from: at least so many; of unknown size is not tracked then.
        employees_to: at most so many.
    """

    any: bool = True
    companies: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    employees_from: int | None = None
    employees_to: int | None = None

    def holds(self, company: CompanyFacts) -> bool:
        """Whether the workspace tracks a company."""
        if not self.any or (self.companies and company.company_id not in self.companies):
            return False
        if self.domains and (company.domain or "").strip().casefold().removeprefix("www.") not in self.domains:
            return False
        size = company.employee_count
        if self.employees_from is not None and (size is None or size < self.employees_from):
            return False
        return self.employees_to is None or (size is not None and size <= self.employees_to)


EVERYTHING: Final = Tracking()


class PolicyKey:
    """A policy as a key of what is remembered: compared by identity, for all that a policy says is slow to compare."""

    __slots__ = ("policy",)

    def __init__(self, policy: "Policy") -> None:
        self.policy = policy


@dataclass(frozen=True)
class Policy:
    """How a workspace's groups are derived. What is made of it once is kept with it.

    Attributes:
        version: counts from 1; 0 is the built-in default.
        tracking: which companies have a group.
        primary: the functions that buy what the workspace sells.
        secondary: functions that have a say.
        excluded: functions of which nobody is a member.
        blocking: functions that can say no, from manager upwards.
        primary_titles: phrases; who has one in the title counts as of a primary function. The same for the others.
        anti_personas: kept out as well.
        countries: ISO codes; who is known to live elsewhere is no member. Empty: no matter where.
        deal_size: what a purchase is worth; decides who may sign, by `tiers`. None: the level alone does.
        signs_everything_below: in a company with fewer people than this, its head decides.
        blockers_above: companies of at most so many people have no blockers,
        blockers_deal_above: unless the deal is larger than this.
        sellers_introduce: sellers of the company, where selling is no primary function, can introduce.
        board_introduces: members of its board can.
        also: roles that somebody may have besides the first that fits them.
        tiers: caps and signatures by company size, ascending.
        caps: by role, at most so many whatever the size.
        own_roles: the first that fits names a member.
        required: what a group needs to be complete.
    """

    workspace_id: str = "default"
    version: int = 0
    tracking: Tracking = EVERYTHING
    primary: frozenset[str] = frozenset({Function.SALES, Function.MARKETING})
    secondary: frozenset[str] = frozenset(
        {
            Function.EXECUTIVE,
            Function.FINANCE,
            Function.OPERATIONS,
            Function.PRODUCT,
            Function.DATA,
            Function.IT,
            Function.ENGINEERING,
            Function.CUSTOMER_SUCCESS,
        }
    )
    excluded: frozenset[str] = frozenset()
    blocking: frozenset[str] = frozenset({Function.PROCUREMENT, Function.LEGAL, Function.SECURITY, Function.IT})
    primary_titles: tuple[str, ...] = ()
    secondary_titles: tuple[str, ...] = ()
    excluded_titles: tuple[str, ...] = ()
    anti_personas: tuple[AntiPersona, ...] = ()
    countries: frozenset[str] = frozenset()
    deal_size: int | None = None
    signs_everything_below: int = 50
    blockers_above: int = 100
    blockers_deal_above: int = 50_000
    sellers_introduce: bool = True
    board_introduces: bool = False
    also: frozenset[str] = frozenset()
    tiers: tuple[Tier, ...] = TIERS
    caps: tuple[tuple[str, int], ...] = ()
    own_roles: tuple[OwnRole, ...] = ()
    required: tuple[Required, ...] = (Required(Role.DECISION_MAKER), Required(Role.CHAMPION))

    def tier(self, employee_count: int | None) -> Tier:
        """The tier of a company; of unknown size is the last one."""
        if employee_count is None:
            return self.tiers[-1]
        return self.tiers[min(bisect_left(self._limits, employee_count), len(self.tiers) - 1)]

    def caps_of(self, tier: Tier) -> Mapping[str, int]:
        """At most so many members a role."""
        return self._caps[tier.name]

    @cached_property
    def key(self) -> PolicyKey:
        """What stands for the policy where answers are remembered."""
        return PolicyKey(self)

    @cached_property
    def standing_phrases(self) -> Phrases:
        """What is looked for in titles to let people in; primary before secondary."""
        others = (phrase for phrase in self.secondary_titles if phrase not in self.primary_titles)
        return Phrases(dict.fromkeys(self.primary_titles, PRIMARY) | dict.fromkeys(others, SECONDARY))

    @cached_property
    def standings(self) -> Mapping[str | None, str]:
        """PRIMARY or SECONDARY, by function."""
        secondary: dict[str | None, str] = dict.fromkeys(self.secondary, SECONDARY)
        return secondary | dict.fromkeys(self.primary, PRIMARY)

    @cached_property
    def excluded_phrases(self) -> Phrases:
        """What keeps people out."""
        return Phrases(dict.fromkeys(self.excluded_titles, ""))

    @cached_property
    def personas(self) -> tuple[tuple[AntiPersona, Phrases], ...]:
        """The anti-personas, each with its phrases."""
        return tuple((persona, Phrases(dict.fromkeys(persona.titles, ""))) for persona in self.anti_personas)

    @cached_property
    def own_phrases(self) -> Mapping[str, Phrases]:
        """The phrases of each own role that has any, by its name."""
        return {own.name: Phrases(dict.fromkeys(own.titles, "")) for own in self.own_roles if own.titles}

    @cached_property
    def role_names(self) -> Mapping[str, str]:
        """What a role may be called, in lower case, to the one of the five that it is; the five come first."""
        names = {own.name.casefold(): own.role for own in self.own_roles}
        return names | {str(role): str(role) for role in Role}

    @cached_property
    def _limits(self) -> tuple[int, ...]:
        return tuple(tier.up_to for tier in self.tiers)

    @cached_property
    def _caps(self) -> Mapping[str, Mapping[str, int]]:
        most = dict(self.caps)
        return {
            tier.name: MappingProxyType({r: min(getattr(tier, r), most.get(r, getattr(tier, r))) for r in Role})
            for tier in self.tiers
        }


DEFAULT_POLICY: Final = Policy()
