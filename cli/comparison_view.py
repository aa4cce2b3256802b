"""How two folds of the log are shown: digests by table, and the first rows that differ."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cli.output import counted, note, say, table

if TYPE_CHECKING:
    from consumers.replay.verify import Checked
    from db.comparison import Comparison, Difference
    from db.digest import Digest

_HEADS: Final = ("table", "rows live", "rows by the log", "digest live", "digest by the log", "differ")
_NUMBERS: Final = ("rows live", "rows by the log", "differ")
_DIGEST_SHOWN: Final = 12


def document(checked: "Checked") -> dict[str, Any]:
    """The comparison as JSON."""
    found = checked.comparison
    return {
        "equal": found.equal,
        "logBeginsAt": {str(partition): offset for partition, offset in sorted(checked.cut_off.items())},
        "splitCompanies": {company: [*partitions] for company, partitions in sorted(found.split.items())},
        "tables": [_table(found, name) for name in found.live],
        "first": [_difference(difference) for difference in found.first],
    }


def show(checked: "Checked") -> None:
    """The comparison as text."""
    found = checked.comparison
    table(_HEADS, [_row(found, name) for name in found.live], right=_NUMBERS)
    say("")
    for difference in found.first:
        say(_sentence(difference))
    note_doubts(checked)
    if found.apart and found.equal:
        say("live is what the log says, as far as it can be compared")
    elif found.equal:
        rows = sum(digest.rows for digest in found.live.values())
        say(f"live is what the log says: {counted(rows, 'row')} in {counted(len(found.live), 'table')}, no difference")
    else:
        say(f"live is not what the log says: {counted(len(found.parts), 'table')} of {len(found.live)} differ")


def note_doubts(checked: "Checked") -> None:
    """Say it when the log has lost its beginning, and what could not be compared."""
    _note_split(checked.comparison)
    if checked.cut_off:
        places = ", ".join(f"partition {partition} at {low:,}" for partition, low in sorted(checked.cut_off.items()))
        note(
            f"the log has lost its beginning (it begins on {places}): what was before is not in the fold, "
            "so companies that it was about differ"
        )


def _note_split(found: "Comparison") -> None:
    from consumers.replay.compare import split_sentence  # noqa: PLC0415  # only who compares has loaded it

    if found.apart:
        note(
            f"not comparable: companies, {split_sentence(found.split)}. Partitions were added while they had changes "
            "unread, and which partition was read first is not in the log: their rosters were compared, but not when "
            f"they were refreshed and what follows from that (in {', '.join(sorted(found.apart))})"
        )


def _table(found: "Comparison", name: str) -> dict[str, Any]:
    sides = {"live": found.live[name], "log": found.log[name]}
    return {"table": name, **{side: _digest(d) for side, d in sides.items()}, **_counts(found, name)}


def _counts(found: "Comparison", name: str) -> dict[str, int]:
    return {"differ": found.parts.get(name, 0), "notComparable": found.apart.get(name, 0)}


def _digest(digest: "Digest") -> dict[str, Any]:
    return {"rows": digest.rows, "digest": digest.hash}


def _difference(difference: "Difference") -> dict[str, Any]:
    names = ("table", "part", "key", "live", "log")
    return {name: getattr(difference, name) for name in names}


def _row(found: "Comparison", name: str) -> tuple[object, ...]:
    live, log, differ = found.live[name], found.log[name], found.parts.get(name, 0)
    return (name, f"{live.rows:,}", f"{log.rows:,}", live.hash[:_DIGEST_SHOWN], log.hash[:_DIGEST_SHOWN], f"{differ:,}")


def _sentence(difference: "Difference") -> str:
    """One row that differs: only the fields that do."""
    where = f"{difference.table} {_fields(difference.key)}"
    live, log = difference.live, difference.log
    if live is None:
        return f"{where}: not in live; the log makes {_fields(log or {})}"
    if log is None:
        return f"{where}: in live as {_fields(live)}; the log does not make it"
    names = [name for name in sorted({*live, *log}) if live.get(name) != log.get(name)]
    changes = [f"{name} is {_value(live.get(name))}, by the log {_value(log.get(name))}" for name in names]
    return f"{where}: {'; '.join(changes)}"


def _fields(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in row.items())


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
