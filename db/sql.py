"""Loads the named queries of ``db/queries/*.sql``.

A file is a sequence of queries, each headed by a line ``-- name: what it does`` and written with named parameters.
"""

import re
from functools import cache
from importlib import resources
from typing import LiteralString

_HEAD = re.compile(r"^-- (?P<name>[a-z_]+): .+$", re.MULTILINE)


@cache
def load(file: str) -> dict[str, LiteralString]:
    """The queries of ``db/queries/<file>.sql`` by name.

    Raises:
        ValueError: two queries share a name.
    """
    text = (resources.files("db") / "queries" / f"{file}.sql").read_text("utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    queries: dict[str, LiteralString] = {}
    for head, end in zip(heads, ends, strict=True):
        if head["name"] in queries:
            raise ValueError(f"{file}.sql has two queries named {head['name']}")
        # LiteralString, although read: these files are part of the code, nothing from outside can reach their text.
        queries[head["name"]] = text[head.end() : end].strip()
    return queries
