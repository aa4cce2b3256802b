"""How dead letters look: as lines, and one of them whole."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from cli.output import counted, iso, note, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from db.letters import Letter

_HEADS: Final = ("place", "log time", "company", "status", "reason")
_HEX_BYTES_A_LINE: Final = 16
_PRINTABLE: Final = range(0x20, 0x7F)


def show_list(letters: "Sequence[Letter]", number: int) -> None:
    """Letters as lines.

    Args:
        letters: those to show.
        number: how many there are.
    """
    if not letters:
        say("no dead letters")
        return
    table(_HEADS, [(x.place, iso(x.log_time), x.company_id, x.status, x.reason) for x in letters])
    if number > len(letters):
        note(f"{counted(number, 'letter')} in all; --limit shows more")


def line_document(letter: "Letter") -> dict[str, Any]:
    """A letter without its contents, as JSON."""
    return {
        "place": str(letter.place),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "logTime": iso(letter.log_time),
        "companyId": letter.company_id,
        "status": letter.status,
        "reason": letter.reason,
        "settledAt": iso(letter.settled_at),
        "settledWhy": letter.settled_why,
    }


def letter_document(letter: "Letter") -> dict[str, Any]:
    """A letter whole, as JSON; bytes as hex, and as text where they are text."""
    record, problem = decoded(letter.value)
    return line_document(letter) | {
        "key": _bytes_document(letter.key),
        "value": _bytes_document(letter.value),
        "headers": [list(header) for header in letter.headers],
        "record": record,
        "unreadable": problem,
    }


def show_letter(letter: "Letter") -> None:
    """A letter whole, as text."""
    record, problem = decoded(letter.value)
    say(f"place     {letter.place}, log time {iso(letter.log_time)}")
    say(f"company   {letter.company_id or 'not known'}")
    say(f"status    {letter.status}{_settled(letter)}")
    say(f"reason    {letter.reason}")
    say(f"key       {_text(letter.key)}")
    for header in letter.headers:
        name, text, *in_hex = header
        say(f"header    {name}: {text if text is not None else ' '.join(h or '' for h in in_hex) or 'no value'}")
    say(f"value     {counted(len(letter.value), 'byte') if letter.value is not None else 'none'}")
    for line in hex_lines(letter.value or b""):
        say(f"          {line}")
    if record is None:
        say(f"record    cannot be read: {problem}")
    for name, value in (record or {}).items():
        say(f"record    {name}: {value}")


def decoded(value: bytes | None) -> tuple[dict[str, Any] | None, str | None]:
    """The record in a value, or why this version cannot read it."""
    from schemas.codec import UndecodableError, decode_change  # noqa: PLC0415  # fastavro, which --help does without
    from schemas.events import InvalidChangeError  # noqa: PLC0415

    try:
        return asdict(decode_change(value)), None
    except (UndecodableError, InvalidChangeError) as error:
        return None, str(error)


def hex_lines(data: bytes) -> list[str]:
    """Bytes as people read them: offset, hex, and text where it is ASCII."""
    lines = []
    for start in range(0, len(data), _HEX_BYTES_A_LINE):
        part = data[start : start + _HEX_BYTES_A_LINE]
        text = "".join(chr(byte) if byte in _PRINTABLE else "." for byte in part)
        lines.append(f"{start:06x}  {part.hex(' '):<{3 * _HEX_BYTES_A_LINE}} {text}")
    return lines


def _settled(letter: "Letter") -> str:
    return "" if letter.settled_at is None else f" at {iso(letter.settled_at)}: {letter.settled_why}"


def _text(data: bytes | None) -> str:
    if data is None:
        return "none"
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"{data.hex(' ')} (no UTF-8)"


def _bytes_document(data: bytes | None) -> dict[str, str | None] | None:
    if data is None:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = None
    return {"hex": data.hex(), "text": text}
