"""A policy's document made into the policy, and what is wrong with one that is none."""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from consumers.buyer_group.policy import AntiPersona, OwnRole, Policy, Required, Tracking
from consumers.buyer_group.tiers import Tier
from consumers.workspaces.document import BUILT_IN, PolicyDocument, spelled_out


class UnreadablePolicyError(Exception):
    """A stored version is no policy that this release can read; nothing can be derived without it."""


def policy_of(document: PolicyDocument, version: int) -> Policy:
    """The policy that a document describes."""
    where, functions, titles = document.companies, document.departments, document.titles
    personas = [spelled_out(BUILT_IN[name]) for name in document.anti_personas.use]
    return Policy(
        workspace_id=document.workspace,
        version=version,
        tracking=Tracking(
            where.track, frozenset(where.ids), frozenset(where.domains), where.employees_from, where.employees_to
        ),
        primary=frozenset(functions.primary),
        secondary=frozenset(functions.secondary),
        excluded=frozenset(functions.excluded),
        blocking=frozenset(functions.blocking),
        primary_titles=tuple(titles.primary),
        secondary_titles=tuple(titles.secondary),
        excluded_titles=tuple(titles.excluded),
        anti_personas=tuple(
            AntiPersona(one.name, tuple(one.titles), frozenset(one.departments))
            for one in (*personas, *document.anti_personas.own)
        ),
        countries=frozenset(document.countries),
        deal_size=document.deal.size,
        signs_everything_below=document.deal.signs_everything_below,
        blockers_above=document.blockers.employees_above,
        blockers_deal_above=document.blockers.deal_above,
        sellers_introduce=document.introducers.sellers,
        board_introduces=document.introducers.board,
        also=frozenset(document.also),
        tiers=tuple(Tier(**size.model_dump()) for size in document.tiers),
        caps=tuple((role, cap) for role, cap in document.caps.model_dump().items() if cap is not None),
        own_roles=tuple(
            OwnRole(own.name, own.role, frozenset(own.departments), frozenset(own.levels), tuple(own.titles))
            for own in document.own_roles
        ),
        required=tuple(Required(want.role, want.members) for want in document.required),
    )


def stored_policy(workspace_id: str, version: int, text: str) -> Policy:
    """A version as it is in the database.

    Raises:
        UnreadablePolicyError: it is no policy.
    """
    try:
        document = PolicyDocument.model_validate_json(text)
    except ValidationError as error:
        raise UnreadablePolicyError(
            f"version {version} of workspace {workspace_id} cannot be read: {complaints(error)[0]}; "
            "a newer release has written it, or somebody changed the table workspaces by hand"
        ) from None
    return policy_of(document.model_copy(update={"workspace": workspace_id}), version)


def complaints(error: ValidationError) -> list[str]:
    """What is wrong, a sentence a key."""
    return [complaint(each) for each in error.errors(include_url=False)]


def complaint(error: Any) -> str:
    """One mistake of pydantic's list: the key, and what is wrong with it."""
    return f"{key(error['loc'])}{_sentence(error)}"


def key(location: Iterable[int | str]) -> str:
    """Where in a document: `departments.primary[0]: `, counted from 0; empty for the whole of it."""
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
    return f"{name}: " if name else ""


def _sentence(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if error["type"] == "extra_forbidden":
        return "is no key of a policy; docs/workspaces.md lists them all"
    if error["type"] == "missing":
        return "is missing"
    return message[:1].lower() + message[1:]
