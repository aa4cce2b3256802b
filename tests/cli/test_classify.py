"""`classify`: titles in, level and function out, as a stream."""

import json
import resource
import subprocess
import sys
from io import BufferedReader, BytesIO

import pytest
from typer.testing import CliRunner, Result

from cli.classify import LONGEST_LINE, Titles
from cli.main import app

COMMAND = [sys.executable, "-m", "cli", "classify"]


def _classify(text: bytes | str, *words: str) -> Result:
    return CliRunner().invoke(app, ["classify", *words], input=text)


def _documents(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_document_a_line_says_all_of_a_reading() -> None:
    """Programs get every field that the design names, with our spelling of level and function."""
    (document,) = _documents(_classify("CRO\n", "--json"))

    assert list(document) == ["title", "seniority", "function", "flags", "rule", "confidence", "alternatives"]
    assert document["title"] == "CRO"
    assert (document["seniority"], document["function"]) == ("c_level", "sales")
    assert document["flags"] == []
    assert document["rule"] == "cro"
    assert document["confidence"] == 0.6
    assert {"seniority": "c_level", "function": "legal", "meaning": "chief risk officer"} in document["alternatives"]  # type: ignore[operator]  # a list


def test_what_is_not_known_is_null() -> None:
    """Unknown stays unknown, also on the wire."""
    (document,) = _documents(_classify("asdf qwerty", "--json"))

    assert (document["seniority"], document["function"], document["alternatives"]) == (None, None, [])


def test_every_line_has_its_answer_in_order() -> None:
    """An empty line is answered too, so that two columns can be pasted together."""
    documents = _documents(_classify("VP Sales\r\n\nLeiterin Einkauf\n營業\n", "--json"))

    assert [document["title"] for document in documents] == ["VP Sales", "", "Leiterin Einkauf", "營業"]
    assert [document["seniority"] for document in documents] == ["vp", None, "head", None]


def test_the_table_has_a_row_a_title() -> None:
    """People see level, function, confidence, flags, the rule and what else it may mean."""
    result = _classify("Interim CFO\nCRO\n営業部長\n")
    head, cfo, cro, bucho = result.stdout.splitlines()

    assert result.exit_code == 0
    assert head.split() == ["TITLE", "SENIORITY", "FUNCTION", "CONFIDENCE", "FLAGS", "RULE"]
    assert cfo.split() == ["Interim", "CFO", "c_level", "finance", "0.9", "interim", "interim,", "cfo"]
    assert "or chief risk officer (c_level, legal)" in cro
    assert bucho.index("head") == cfo.index("c_level") - 4


def test_industry_and_country_settle_what_is_ambiguous() -> None:
    """The same hints that the consumer has can be given by hand."""
    (cro,) = _documents(_classify("CRO", "--json", "--industry", "Banking"))
    (chef,) = _documents(_classify("Chef", "--json", "--country", "Sverige"))

    assert cro["function"] == "legal"
    assert chef["seniority"] == "head"


def test_bytes_that_are_no_text_are_told_and_do_not_stop_it() -> None:
    """One bad line of a million is a remark, not an end."""
    result = _classify(b"\xff\xfe VP Sales\nCFO\n", "--json")

    assert result.exit_code == 0
    assert [document["seniority"] for document in _documents(result)] == ["vp", "c_level"]
    assert "no UTF-8, read with a replacement character: 1" in result.stderr


def test_a_title_does_not_steer_the_terminal() -> None:
    """Control characters are shown as such in the table, and escaped in JSON."""
    assert "\x1b" not in _classify("VP\x1b[31m Sales").stdout
    assert "\x1b" not in _classify("VP\x1b[31m Sales", "--json").stdout


def test_nothing_in_nothing_out() -> None:
    """An empty file has no titles; the table keeps its heads."""
    assert _classify("", "--json").stdout == ""
    assert len(_classify("").stdout.splitlines()) == 1


@pytest.mark.parametrize("words", [["--json"], []], ids=["json", "table"])
def test_an_answer_comes_before_the_next_question(words: list[str]) -> None:
    """In a pipe each title is answered when it comes, not when the input ends."""
    with subprocess.Popen([*COMMAND, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not words:
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            process.stdout.readline()
        for title in (b"CEO", b"CFO"):
            process.stdin.write(title + b"\n")
            process.stdin.flush()
            assert title in process.stdout.readline()
        process.stdin.close()
        assert process.wait() == 0


def test_a_reader_who_has_seen_enough_hears_nothing() -> None:
    """`classify | head -1` ends without a trace or a complaint."""
    with subprocess.Popen(
        [*COMMAND, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"CEO\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"CFO\n" * 1000)
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_memory_does_not_grow_with_the_input() -> None:
    """A line without an end is read as far as a title can go, and dropped behind that; lines after it are read."""
    endless = Titles(BufferedReader(_Endless(64 * 1024 * 1024, b"\nCFO\n")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = [title for some in endless.arriving() for title in some]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert [len(lines[0]), lines[1:]] == [LONGEST_LINE, ["CFO"]]
    assert endless.cut == 1
    assert grown * 1024 < 16 * 1024 * 1024


def test_a_title_longer_than_a_line_may_be_is_told() -> None:
    """What was cut is said on stderr, with the number of lines."""
    result = _classify("CFO " + "x" * (2 * LONGEST_LINE) + "\nCEO\n", "--json")

    assert [document["seniority"] for document in _documents(result)] == ["c_level", "c_level"]
    assert "of which only so much was read: 1" in result.stderr


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_lines_do_not_depend_on_how_they_arrive(size: int) -> None:
    """A pipe may break a line, or a letter, anywhere."""
    text = "Geschäftsführer\r\n営業部長\n\nCEO"
    found = [title for some in Titles(BufferedReader(_Slow(text.encode(), size), size)).arriving() for title in some]

    assert found == ["Geschäftsführer", "営業部長", "", "CEO"]


class _Slow(BytesIO):
    """Hands out a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # whatever a buffered reader brings
        data = self.read(min(self._size, len(view)))
        view[: len(data)] = data
        return len(data)


class _Endless(_Slow):
    """A line of so many bytes, then an end."""

    def __init__(self, size: int, end: bytes) -> None:
        super().__init__(end, 65_536)
        self._left = size

    def readinto(self, buffer: object) -> int:
        if not self._left:
            return super().readinto(buffer)
        view = memoryview(buffer)  # type: ignore[arg-type]  # whatever a buffered reader brings
        size = min(self._left, len(view))
        view[:size] = b"x" * size
        self._left -= size
        return size
