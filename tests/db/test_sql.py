"""The query files: every query is whole, named once, and PostgreSQL understands it."""

import re
from contextlib import suppress
from importlib import resources
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import NotNullViolation

from db import sql as loader

QUERIES = Path(loader.__file__).parent / "queries"
GAP = re.compile(r"\{[a-z_]+\}")
FILES = sorted(path.stem for path in QUERIES.glob("*.sql"))


@pytest.mark.parametrize("file", FILES)
def test_postgresql_understands_every_query(database_url: str, file: str) -> None:
    """With every parameter NULL, which no query minds, unless it would write it where it must not be.

    What has gaps is tried by the tests of whoever fills them.
    """
    with psycopg.connect(database_url) as connection:
        for query in loader.load(file).values():
            if GAP.search(query):
                continue
            names = set(re.findall(r"%\((\w+)\)s", query))
            with suppress(NotNullViolation), connection.transaction():
                connection.execute(query, dict.fromkeys(names))
        connection.rollback()


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_used(file: str) -> None:
    """What nobody asks is not kept."""
    code = "".join(path.read_text() for path in QUERIES.parent.glob("*.py"))

    assert [name for name in loader.load(file) if f'"{name}"' not in code] == []


def test_two_queries_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one of them would silently be the other."""
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "twice.sql").write_text("-- one: first\nSELECT 1\n-- one: second\nSELECT 2\n")
    monkeypatch.setattr(resources, "files", lambda _: tmp_path)

    with pytest.raises(ValueError, match=r"twice\.sql has two queries named one"):
        loader.load.__wrapped__("twice")
