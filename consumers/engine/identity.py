"""Who is one person at a company: several ids of several providers, one human being. Pure.

The answer is a function of the whole roster, so the order in which it was learned cannot matter (law L4), and nothing
is lost by it: employments stay as each provider's id has them, and a wrong answer is undone by what is said later. The
rules are told in `docs/identity.md`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from consumers.engine.clusters import Clusters
from consumers.engine.evidence import EMAIL_FIELD, OTHER, PROFILE_FIELD, SAME, identifiers
from consumers.engine.identifiers import (
    EMAIL,
    STRONG,
    Identifier,
    are_plain,
    email_of,
    is_personal,
    name_tokens,
    names_agree,
    profile_of,
)
from consumers.engine.state import Employment

Pair = tuple[str, str]
"""Two person ids, the lesser one first."""
Roster = Mapping[str, Employment]

MOST_HOLDERS: Final = 10
"""An address, a slug or a name that more ids have tells nobody apart; a member id always does."""
_NEEDED: Final = 2
"""So many identifiers of different kinds, beside the name, make two ids one person."""


class Candidate(NamedTuple):
    """Two people who may be one: for somebody to look at.

    Attributes:
        one: canonical id; the lesser one.
        other: canonical id.
        reasons: what speaks for it.
        against: what speaks against it; None: nothing but that too little is known.
    """

    one: str
    other: str
    reasons: tuple[str, ...]
    against: str | None


class _Said(NamedTuple):
    """What was said last of two ids."""

    stamp: str
    kind: str
    survivor: str


def resolve(roster: Roster) -> dict[str, str]:
    """The canonical id of everybody who has several; an id that is not in it is a person of its own.

    Args:
        roster: the whole company, with those who left.
    """
    if _nothing_to_decide(roster):
        return {}
    shared, said = _shared(roster), _said(roster)
    return _clusters(roster, shared, said).canonical() if shared or said else {}


def persons(roster: Roster, canonical: Mapping[str, str]) -> dict[str, Employment]:
    """Everybody once, by canonical id: of each field what was said last under any of their ids, presence included."""
    merged: dict[str, Employment] = {}
    for person_id, one in sorted(roster.items()):
        known_as = canonical.get(person_id, person_id)
        other = merged.get(known_as)
        merged[known_as] = one._replace(person_id=known_as) if other is None else _together(other, one)
    return merged


def made_of(canonical: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By canonical id all ids of a person who has several, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for person_id, known_as in sorted(canonical.items()):
        found[known_as] = (*found.get(known_as, ()), person_id)
    return found


def candidates(roster: Roster) -> list[Candidate]:
    """Pairs of people who share something, but not enough to be one; those of whom it was said are left out."""
    shared, said = _shared(roster), _said(roster)
    clusters = _clusters(roster, shared, said)
    canonical = clusters.canonical()
    reasons: dict[Pair, set[str]] = defaultdict(set)
    for ids, reason in [*_alike(shared), *_named_alike(roster)]:
        for one, other in combinations(sorted({canonical.get(i, i) for i in ids}), 2):
            reasons[one, other].add(reason)
    settled = {_pair(*(canonical.get(i, i) for i in pair)) for pair, last in said.items() if last.kind == OTHER}
    here = persons(roster, canonical)
    return [
        Candidate(*pair, tuple(sorted(reasons[pair])), clusters.against(*pair) or _names(here, pair))
        for pair in sorted(reasons)
        if pair not in settled and (here[pair[0]].present or here[pair[1]].present)
    ]


def _clusters(roster: Roster, shared: Mapping[Identifier, Sequence[str]], said: Mapping[Pair, _Said]) -> Clusters:
    """First what was said, the latest first; then member ids; then what agrees."""
    clusters = Clusters({person_id: _strong(one) for person_id, one in roster.items()})
    for pair, last in sorted(said.items(), key=lambda item: (item[1].stamp, item[0]), reverse=True):
        if last.kind == OTHER:
            clusters.keep_apart(*pair)
        else:
            clusters.join(last.survivor, pair[0] if last.survivor == pair[1] else pair[1])
    clusters.join_where_nothing_speaks_against(
        (ids[0], other) for key, ids in shared.items() if key.kind in STRONG for other in ids[1:]
    )
    clusters.join_where_nothing_speaks_against(
        pair for pair, kinds in _weak_pairs(shared).items() if len(kinds) >= _NEEDED and _names(roster, pair) is None
    )
    return clusters


def _nothing_to_decide(roster: Roster) -> bool:
    """Whether no two ids share an identifier: so it is in most rosters, and this is all that they pay at a refresh."""
    emails, urls = list[str](), list[str]()
    for one in roster.values():
        if one.evidence:
            return False
        values = one.who.values
        if (email := values[EMAIL_FIELD]) is not None:
            emails.append(str(email))
        if (url := values[PROFILE_FIELD]) is not None:
            urls.append(str(url))
    return _differ(map(profile_of, urls)) and (
        # Most addresses are plain: then to compare them as they are is enough, and costs a fifth of reading each.
        (len(set(emails)) == len(emails) and are_plain(emails)) or _differ(map(email_of, emails))
    )


def _differ(identifiers: Iterable[Identifier | None]) -> bool:
    found = [identifier for identifier in identifiers if identifier is not None]
    return len(set(found)) == len(found)


def _shared(roster: Roster) -> dict[Identifier, list[str]]:
    """Identifiers that several ids have, by the ids in order."""
    holders: dict[Identifier, list[str]] = {}
    for person_id, one in roster.items():
        for key in _claimed(one):
            holders.setdefault(key, []).append(person_id)
    return {key: sorted(ids) for key, ids in holders.items() if len(ids) > 1}


def _claimed(one: Employment) -> Iterable[Identifier]:
    """The identifiers by which a person may be found."""
    if one.evidence:
        weak = (Identifier(e.kind, e.value) for e in one.evidence if e.kind not in (SAME, OTHER, *STRONG))
        now = (identifier for identifier in identifiers(one.who) if identifier.kind not in STRONG)
        return {*weak, *now, *(Identifier(*item) for item in _strong(one).items())}
    email, url = one.who.values[EMAIL_FIELD], one.who.values[PROFILE_FIELD]
    found = (email_of(email) if isinstance(email, str) else None, profile_of(url) if isinstance(url, str) else None)
    return filter(None, found)


def _strong(one: Employment) -> dict[str, str]:
    """The member id of each kind: of several the one that was said last, because it corrects the others."""
    latest: dict[str, tuple[str, str]] = {}
    said = [(key.kind, key.value, stamp) for key, stamp in identifiers(one.who).items()]
    for kind, value, stamp in (*said, *one.evidence):
        if kind in STRONG:
            latest[kind] = max(latest.get(kind, ("", "")), (stamp, value))
    return {kind: value for kind, (_, value) in latest.items()}


def _said(roster: Roster) -> dict[Pair, _Said]:
    """What was said last of two ids that are both here."""
    said: dict[Pair, _Said] = {}
    for person_id, one in roster.items():
        for kind, other, stamp in one.evidence:
            if kind in (SAME, OTHER) and other in roster and other != person_id:
                pair, found = _pair(person_id, other), _Said(stamp, kind, person_id)
                said[pair] = max(found, said.get(pair, found))
    return said


def _weak_pairs(shared: Mapping[Identifier, Sequence[str]]) -> dict[Pair, set[str]]:
    """By pair, the kinds of what they share; two addresses of one kind are one reason, not two."""
    pairs: dict[Pair, set[str]] = defaultdict(set)
    for key, ids in shared.items():
        if key.kind not in STRONG and len(ids) <= MOST_HOLDERS:
            for pair in combinations(ids, 2):
                pairs[pair].add(_kind(key))
    return pairs


def _kind(key: Identifier) -> str:
    if key.kind != EMAIL:
        return key.kind
    return "personal e-mail" if is_personal(key.value) else "work e-mail"


def _alike(shared: Mapping[Identifier, Sequence[str]]) -> Iterable[tuple[Sequence[str], str]]:
    for key, ids in shared.items():
        if len(ids) <= MOST_HOLDERS:
            yield ids, f"same {_kind(key)} {key.value}"


def _named_alike(roster: Roster) -> Iterable[tuple[Sequence[str], str]]:
    named: dict[frozenset[str], list[str]] = defaultdict(list)
    for person_id, one in roster.items():
        if isinstance(name := one.who.values[0], str) and len(words := name_tokens(name)) > 1:
            named[words].append(person_id)
    for words, ids in named.items():
        if 1 < len(ids) <= MOST_HOLDERS:
            yield ids, f"same name {' '.join(sorted(words))}"


def _names(roster: Roster, pair: Pair) -> str | None:
    """Why the names of two do not confirm that they are one; None when they do."""
    one, other = (roster[person_id].who.values[0] for person_id in pair)
    if not isinstance(one, str) or not isinstance(other, str):
        return "a name is missing"
    return None if names_agree(one, other) else "other names"


def _pair(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)


def _together(one: Employment, other: Employment) -> Employment:
    joined = [at for at in (one.joined_at, other.joined_at) if at is not None]
    return one._replace(
        who=one.who.merge(other.who),
        job=one.job.merge(other.job),
        joined_at=max(joined, default=None),
        first_seen_at=min(one.first_seen_at, other.first_seen_at),
    )
