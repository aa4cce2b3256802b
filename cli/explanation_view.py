"""How `group explain` looks, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from cli.group_view import show_history
from cli.output import iso, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumers.buyer_group import Explanation
    from consumers.explaining import Known
    from db.reads import PastGroupView, VersionView


def show(known: "Known", company_id: str, workspace: str, versions: "Sequence[VersionView]") -> None:
    """What is so now, and how it came."""
    _who(known, company_id)
    say(f"workspace {workspace}, policy version {known.policy_version}: {_verdict(known)}")
    if known.pending:
        say("changes are pending: this is what the next refresh will make of what is known now")
    say("\nwhat is known, and who said so")
    rows = [(f"  {w.field}", w.value, w.source, w.event_id, iso(w.occurred_at)) for w in known.words]
    table(("  field", "value", "source", "event", "occurred"), rows)
    if known.explanation is not None:
        _rules(known.explanation)
    _past(versions)


def show_past(known: "Known", past: "PastGroupView", as_of: int, versions: "Sequence[VersionView]") -> None:
    """What was so at a log time, from what is stored."""
    _who(known, past.company_id)
    say(f"as of {iso(as_of)}: workspace {past.workspace_id}, version {past.version}, policy {past.policy_version}")
    places = [member for member in past.members if member.person_id == known.person_id]
    if not places:
        say("no member then; what was known of them then is not kept, what happened in the group is")
    for m in places:
        say(f"{m.role}, score {m.score}: {m.why}")
        say(f"title {m.title or 'unknown'}, level {m.seniority or 'unknown'}, function {m.function or 'unknown'}")
    _past(versions)


def document(known: "Known", versions: "Sequence[VersionView]") -> dict[str, Any]:
    """The same for programs."""
    found = known.explanation
    return {
        **_ids(known),
        "present": known.present,
        "policyVersion": known.policy_version,
        "pendingChanges": known.pending,
        "verdict": _verdict(known),
        "known": [
            {"field": w.field, "value": w.value, "source": w.source, "eventId": w.event_id}
            | {"occurredAt": iso(w.occurred_at)}
            for w in known.words
        ],
        "reading": None if found is None else _reading(found),
        "rules": [] if found is None else [step._asdict() for step in found.steps],
        "members": [] if found is None else [_place(member._asdict()) for member in found.members],
        "history": _history(versions),
    }


def past_document(
    known: "Known", past: "PastGroupView", as_of: int, versions: "Sequence[VersionView]"
) -> dict[str, Any]:
    """The same of a log time."""
    from dataclasses import asdict  # noqa: PLC0415  # as the views are loaded

    return {
        **_ids(known),
        "asOf": iso(as_of),
        "version": past.version,
        "policyVersion": past.policy_version,
        "members": [_place(asdict(m)) for m in past.members if m.person_id == known.person_id],
        "history": _history(versions),
    }


def _who(known: "Known", company_id: str) -> None:
    name = f"{known.name} ({known.person_id})" if known.name else known.person_id
    also = f", also known as {', '.join(known.also_known_as)}" if known.also_known_as else ""
    say(f"{name}{also} at {company_id}")


def _verdict(known: "Known") -> str:
    if not known.tracked:
        return "no member: the workspace does not track this company"
    if known.explanation is not None:
        return known.explanation.verdict
    return "no member: works here no more" if not known.present else "no member"


def _rules(found: "Explanation") -> None:
    reading = found.reading
    flags = f", {' '.join(sorted(reading.flags))}" if reading.flags else ""
    says = f"level {reading.seniority or 'unknown'}, function {reading.function or 'unknown'}{flags}"
    say(f"\ntitle read from {reading.rule}: {says}, confidence {reading.confidence:.0%}")
    for other in reading.alternatives:
        say(f"  or {other.meaning} ({other.seniority or '-'}, {other.function or '-'})")
    say("\nrules tried")
    rows = [(f"  {s.rule}", "fired" if s.fired else "", s.role or "out", s.says) for s in found.steps]
    table(("  rule", "", "role", "says"), rows)


def _past(versions: "Sequence[VersionView]") -> None:
    say("\nin the group")
    if versions:
        show_history(versions)
    else:
        say("  never")


def _ids(known: "Known") -> dict[str, Any]:
    return {"personId": known.person_id, "alsoKnownAs": list(known.also_known_as), "name": known.name}


def _reading(found: "Explanation") -> dict[str, Any]:
    from cli.classify import document as reading  # noqa: PLC0415  # two commands, one form

    said = reading("", found.reading)
    return {name: value for name, value in said.items() if name != "title"}


def _place(member: dict[str, Any]) -> dict[str, Any]:
    from ingress.api_models import PastMemberDocument  # noqa: PLC0415  # --help does without

    return PastMemberDocument.model_validate(member).content()


def _history(versions: "Sequence[VersionView]") -> list[dict[str, Any]]:
    from ingress.documents import version_document  # noqa: PLC0415  # --help does without

    return [version_document(version).content() for version in versions]
