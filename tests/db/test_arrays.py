"""Array literals written by hand come back from PostgreSQL as they went in."""

from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db.arrays import columns, integers, texts

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
BIG = st.integers(-(2**63), 2**63 - 1)
ONCE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Row(NamedTuple):
    """One column of each kind."""

    word: str | None
    number: int | None
    flag: bool
    data: bytes | None
    words: tuple[str, ...]
    others: tuple[str, ...] | None


@pytest.fixture(scope="module")
def connection(server_database_url: str) -> Iterator[psycopg.Connection]:
    """Any database will do: nothing is stored."""
    with psycopg.connect(server_database_url, autocommit=True) as made:
        yield made


@ONCE
@given(
    st.lists(
        st.builds(
            Row,
            st.none() | TEXT,
            st.none() | BIG,
            st.booleans(),
            st.none() | st.binary(),
            st.lists(TEXT, max_size=3).map(tuple),
            st.none() | st.lists(TEXT, max_size=3).map(tuple),
        ),
        max_size=8,
    )
)
def test_rows_come_back_as_they_went_in(connection: psycopg.Connection, rows: list[Row]) -> None:
    """Quotes, braces, backslashes, NULL as a word and as nothing, empty texts, bytes, lists inside rows."""
    found = connection.execute(
        """
        SELECT word, number, flag, data, words::text[], others::text[]
        FROM unnest(%(word)s::text[], %(number)s::bigint[], %(flag)s::boolean[], %(data)s::bytea[], %(words)s::text[],
                    %(others)s::text[])
             AS n (word, number, flag, data, words, others)
        """,
        columns(Row, rows),
    ).fetchall()

    lists = [[None if value is None else tuple(value) for value in values[4:]] for values in found]
    assert [(*values[:4], *both) for values, both in zip(found, lists, strict=True)] == rows


@pytest.mark.parametrize("words", [[], [""], ["NULL", "null", '"', "\\", "{}", "a,b", " x ", "é😀"]])
def test_lists_come_back_as_they_went_in(connection: psycopg.Connection, words: list[str]) -> None:
    """An empty list is an empty array, an empty text an empty text."""
    assert connection.execute("SELECT %s::text[]", (texts(words),)).fetchall() == [(words,)]


def test_integers_come_back_as_they_went_in(connection: psycopg.Connection) -> None:
    """To the ends of a bigint."""
    numbers = [0, -1, 2**63 - 1, -(2**63)]

    assert connection.execute("SELECT %s::bigint[]", (integers(numbers),)).fetchall() == [(numbers,)]
