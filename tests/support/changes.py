"""Changes for tests: one at a time, by hypothesis, and as a long log by seed."""

import random
from collections.abc import Iterator
from typing import Final

from hypothesis import strategies as st

from consumers.engine.state import Delivery
from schemas.events import ChangeType, Company, Movement, Person, PersonChange

NOW: Final = 1_760_000_000_000
"""A time in 2025, ms UTC."""
TITLES: Final = ("CRO", "VP Sales", "Chief Executive Officer", "Head of IT", "Account Executive", "Intern", "Buyer")


def change(
    event_id: str = "e1",
    company: str = "acme",
    person: str | None = "p1",
    title: str | None = "CRO",
    movement: Movement = Movement.NONE,
    occurred_at: int = NOW,
    source: str = "test",
    kind: str = ChangeType.ROLE_CHANGE,
    **facts: str | int | None,
) -> PersonChange:
    """A change; `facts` are fields of its company."""
    somebody = None if person is None else Person(person, name=f"Name of {person}", title=title)
    return PersonChange(
        event_id=event_id,
        source=source,
        type=kind,
        occurred_at=occurred_at,
        received_at=max(occurred_at, NOW),
        company=Company(company, **facts),  # type: ignore[arg-type]  # the tests name the fields rightly
        movement=movement,
        person=somebody,
    )


def deliveries(changes: list[PersonChange], start: int = NOW, step: int = 1000) -> list[Delivery]:
    """These changes as they stand in a partition, `step` ms apart."""
    return [Delivery(start + i * step, 0, i, c) for i, c in enumerate(changes)]


_TEXT: Final = st.none() | st.sampled_from(["a", "b", "é", "z"])


@st.composite
def _one(draw: st.DrawFn, event_id: str) -> PersonChange:
    kind = draw(st.sampled_from([ChangeType.ROLE_CHANGE] * 6 + [ChangeType.REFRESH_REQUESTED, "other.type"]))
    return PersonChange(
        event_id=event_id,
        source=draw(st.sampled_from(["s1", "s2"])),
        type=kind,
        occurred_at=NOW + draw(st.integers(0, 5)),
        received_at=NOW,
        company=Company("acme", name=draw(_TEXT), employee_count=draw(st.none() | st.integers(0, 3))),
        movement=draw(st.sampled_from(Movement)),
        other_company=draw(st.none() | st.builds(Company, st.sampled_from(["globex", "initech"]), name=_TEXT)),
        person=Person(
            draw(st.sampled_from(["p1", "p2", "p3"])),
            name=draw(_TEXT),
            title=draw(st.none() | st.sampled_from(TITLES)),
            department=draw(_TEXT),
        ),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 12) -> list[PersonChange]:
    """Different changes of one company: no two have one identity, many share a time, a person or a value."""
    return [draw(_one(f"e{number}")) for number in range(draw(st.integers(1, most)))]


def random_log(seed: int, count: int, companies: int, people: int = 20) -> Iterator[PersonChange]:
    """Changes of many companies, some repeated, some late; a few companies have most of them (Zipf)."""
    rng = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(companies)]
    names = [f"company-{seed}-{number}" for number in range(companies)]
    sent: list[PersonChange] = []
    for number, company in enumerate(rng.choices(names, weights, k=count)):
        if sent and rng.random() < 0.05:  # a provider sends it again
            yield rng.choice(sent)
            continue
        made = change(
            event_id=f"e{number}",
            company=company,
            person=f"p{rng.randrange(people)}",
            title=rng.choice(TITLES),
            movement=rng.choice([*[Movement.NONE] * 3, Movement.JOINED, Movement.LEFT, Movement.UNSTATED]),
            occurred_at=NOW + number * 10 - rng.choice([0, 0, 0, 50_000]),
            name=f"Name of {company}",
            employee_count=rng.choice([20, 200, 2000]),
        )
        sent.append(made)
        yield made
