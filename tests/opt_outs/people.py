"""Somebody who opts out, and somebody who does not."""

from dataclasses import replace
from typing import Any, Final

import psycopg

from consumers.runtime.opt_outs import bytes_patterns
from db.searches import Searches
from schemas.events import ChangeType, Person, PersonChange
from tests.support.changes import change

ANN: Final = Person(
    "prs-ann-1", "Ann Quixley", "ann@quixley.example", "https://www.linkedin.com/in/ann-quixley/", "CRO"
)
TRACES: Final = ("prs-ann-1", "quixley")
"""What finds anything of her."""


def said(event_id: str, company: str = "acme", person: Person = ANN, **parts: Any) -> PersonChange:
    """A change about somebody, who is Ann unless told."""
    return replace(change(event_id, company, **parts), person=person)


def opt_out(
    event_id: str = "wish", company: str = "acme", person_id: str = ANN.id, source: str = "test"
) -> PersonChange:
    """The wish of a person."""
    return said(event_id, company, Person(person_id), kind=ChangeType.OPTED_OUT, source=source)


def bob(event_id: str, company: str = "acme", title: str = "CEO") -> PersonChange:
    """A change about somebody else."""
    return said(event_id, company, Person("bob", "Bob Other", title=title))


def search(url: str) -> None:
    """What consumers do beside their work after an opt-out, to its end."""
    with Searches(url) as searches:
        while searches.turn(bytes_patterns):
            pass


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """Rows of a statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def keep_webhooks(database_url: str, *bodies: str) -> None:
    """Webhooks that nobody can read."""
    with psycopg.connect(database_url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO webhook_dead_letters (source, body_sha256, body, field, reason, received_at)"
            " VALUES ('s', sha256(%(body)s), %(body)s, 'f', 'r', now())",
            [{"body": body.encode()} for body in bodies],
        )


def kept_webhooks(database_url: str) -> list[str]:
    """The bodies of those that are kept, in order."""
    left = rows(database_url, "SELECT convert_from(body, 'UTF8') FROM webhook_dead_letters ORDER BY 1")
    return [body for (body,) in left]
