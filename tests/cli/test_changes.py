"""Which changes a file holds."""

import io
import json
from pathlib import Path

import pytest

from cli.changes import EXAMPLE, fresh_example, original_example, read_changes
from cli.failures import CommandError


def _read(text: str | bytes, name: str = "events") -> list[tuple[str, bytes, str | None]]:
    data = text.encode() if isinstance(text, str) else text
    return [(change.where, change.body, change.wrong) for change in read_changes(io.BytesIO(data), name)]


def test_one_object_over_several_lines_is_one_change() -> None:
    """A JSON file is sent as its bytes are: what is signed is what was written."""
    text = '{\n  "id": "a",\n  "name": "Zoë"\n}'

    assert _read(f"\n{text}\n") == [("events", text.encode(), None)]


def test_an_array_is_its_items() -> None:
    """Each object of an array is a change; anything else in it is named by its place."""
    assert _read('[{"id": "a"}, 5]') == [
        ("events, item 1", b'{"id": "a"}', None),
        ("events, item 2", b"", "no JSON object"),
    ]


def test_one_object_a_line_is_one_change_a_line() -> None:
    """JSONL is told by its first line; blank lines count, but hold no change."""
    assert _read('\n{"id": "a"}\n\n{"id": "b"}') == [
        ("events, line 2", b'{"id": "a"}', None),
        ("events, line 4", b'{"id": "b"}', None),
    ]


def test_a_bad_line_is_named_and_the_others_are_changes() -> None:
    """File and line number say where to look; what follows is read all the same."""
    found = _read('{"id": "a"}\n{"id": \n[1]\n{"id": "b"}\n', "changes.jsonl")

    assert [where for where, _, wrong in found if wrong is None] == ["changes.jsonl, line 1", "changes.jsonl, line 4"]
    assert found[1][0] == "changes.jsonl, line 2"
    assert found[1][2] == "no JSON: Expecting value at column 7"
    assert found[2][2] == "no JSON object"


def test_in_a_jsonl_file_even_the_first_line_may_be_bad() -> None:
    """The file's ending says that it is JSONL, whatever its first line looks like."""
    found = _read('oops\n{"id": "b"}\n', "changes.jsonl")

    assert [wrong is None for _, _, wrong in found] == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "events is empty"),
        (" \n\n", "events is empty"),
        ('\n\n{\n "id" 5}', "events, line 4, column 7: no JSON"),
        ("17", "events holds no change"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "no JSON"),
    ],
)
def test_a_file_that_is_no_json_is_refused_with_its_place(text: str | bytes, message: str) -> None:
    """The message names the file, and where in it."""
    with pytest.raises(CommandError, match=message):
        _read(text)


def test_a_line_nested_too_deeply_is_a_bad_line() -> None:
    """No line can bring the command down."""
    found = _read('{"id": "a"}\n' + '{"a":' * 100_000 + "\n", "changes.jsonl")

    assert found[1][2] is not None


def test_the_original_example_is_that_of_the_quick_start() -> None:
    """Id, source and type are the ones that the quick start shows."""
    assert json.loads(original_example().body) == EXAMPLE
    assert original_example().event_id == "evt_test_001"


def test_a_fresh_example_is_new_each_time() -> None:
    """Only id and time differ from the original's example."""
    one, two = json.loads(fresh_example(0).body), json.loads(fresh_example(0).body)

    assert one["id"] != two["id"]
    assert one["timestamp"] == "1970-01-01T00:00:00.000Z"
    assert {**one, "id": "", "timestamp": ""} == {**EXAMPLE, "id": "", "timestamp": ""}


def test_a_long_file_is_read_line_by_line(tmp_path: Path) -> None:
    """The first change is there before the rest of the file is read."""
    path = tmp_path / "many.jsonl"
    path.write_text('{"id": "a"}\n' * 100_000)
    with path.open("rb") as stream:
        next(read_changes(stream, str(path)))

        assert stream.tell() < 100_000
