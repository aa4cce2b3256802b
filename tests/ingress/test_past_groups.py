"""A group as it was, from its append-only history; and answers that need not be sent twice."""

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.buyer_group import Member, diff_groups
from db.views import GroupHistory, HistoryLine
from ingress.documents import past_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Ingress

GROUP = "/api/v1/intelligence/buyer-group/acme"
HEADER = "Bearer a-token-for-tests-only"
HOUR = 3_600_000
START = 1_760_000_000_000


@pytest.fixture
def reader(start: "Callable[..., Ingress]", database_url: str) -> "Ingress":
    """A group that was refreshed four times: Ann joined, Ben joined, Ann rose, nothing new, Ann left."""
    rows = [
        (1, 0, 0, "joined", "ann", "Ann", None, "stakeholder", "runs IT"),
        (2, 0, 1, "joined", "ben", "Ben", None, "champion", "heads sales"),
        (2, 1, 1, "level_changed", "ann", "Ann", "manager", "vp", "runs IT as VP"),
        (2, 2, 1, "role_changed", "ann", "Ann B.", "stakeholder", "decision_maker", "runs IT as VP"),
        (3, 0, 3, "left", "ann", "Ann B.", "decision_maker", None, "works at the company no more"),
    ]
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO companies (company_id, kafka_partition, revision) VALUES ('acme', 0, 1)")
        connection.execute(
            "INSERT INTO buyer_groups VALUES ('acme', 'default', 3, from_ms(%s), from_ms(%s), 0)",
            (START + 3 * HOUR, START + 3 * HOUR),
        )
        for hour in range(4):
            connection.execute(
                "INSERT INTO buyer_group_refresh_logs"
                " VALUES ('acme', from_ms(%s), 'change', 1, 'changed', now(), now())",
                (START + hour * HOUR,),
            )
        for version, position, hour, *line in rows:
            connection.execute(
                "INSERT INTO buyer_group_changes"
                " VALUES ('acme', 'default', %s, %s, from_ms(%s), %s, %s, %s, %s, %s, %s, '{}')",
                (version, position, START + hour * HOUR, *line),
            )
    return start(database_url=database_url)


def _past(ingress: "Ingress", as_of: object) -> Any:
    return ingress.run(ingress.client.get(GROUP, params={"as_of": str(as_of)}, headers={"authorization": HEADER}))


ANN = {"personId": "ann", "role": "stakeholder", "name": "Ann", "why": "runs IT"}
RISEN = {"personId": "ann", "role": "decision_maker", "name": "Ann B.", "why": "runs IT as VP"}
BEN = {"personId": "ben", "role": "champion", "name": "Ben", "why": "heads sales"}


@pytest.mark.parametrize(
    ("at", "version", "refreshed", "members"),
    [
        (0, 1, 0, [ANN]),
        (HOUR - 1, 1, 0, [ANN]),
        (HOUR, 2, 1, [RISEN, BEN]),
        (2 * HOUR, 2, 2, [RISEN, BEN]),
        (3 * HOUR, 3, 3, [BEN]),
        (4 * HOUR, 3, 3, [BEN]),
    ],
)
def test_a_group_is_read_as_it_was(
    reader: "Ingress", at: int, version: int, refreshed: int, members: list[dict[str, str]]
) -> None:
    """At each log time: version, members, roles and reasons of then; what the history does not have is named."""
    answer = _past(reader, START + at)

    assert answer.status_code == 200
    document = answer.json()
    assert (document["version"], document["members"]) == (version, members)
    assert document["notKept"] == ["title", "seniority", "function", "score"]
    assert _past(reader, document["refreshedAt"]).json()["members"] == members
    assert _past(reader, START + refreshed * HOUR).json()["refreshedAt"] == document["refreshedAt"]


@pytest.mark.parametrize(
    "spelled",
    ["2025-10-09T08:53:20Z", "2025-10-09T08:53:20.000+00:00", "2025-10-09T10:53:20+02:00", "2025-10-09T08:53:20"],
)
def test_a_time_may_be_spelled_in_iso_8601(reader: "Ingress", spelled: str) -> None:
    """Without a zone it is UTC; a plus sign that nobody escaped is one all the same."""
    expected = _past(reader, START).json()
    raw = reader.get(f"{GROUP}?as_of={spelled}", authorization=HEADER)

    assert _past(reader, spelled).json() == expected
    assert raw.json() == expected


@pytest.mark.parametrize(("as_of", "status"), [(START - 1, 404), (0, 404), ("9999-12-31T23:59:59Z", 404)])
def test_there_is_no_group_before_the_first_refresh_nor_in_the_future(
    reader: "Ingress", as_of: object, status: int
) -> None:
    """What is answered about a time must not change later."""
    assert _past(reader, as_of).status_code == status


@pytest.mark.parametrize(
    "query", ["as_of=", "as_of=x", "as_of=1760000000", "as_of=" + "9" * 5000, "as_of=1&as_of=1", "asof=1"]
)
def test_a_wrong_parameter_is_400(reader: "Ingress", query: str) -> None:
    """Seconds instead of ms, twice, misspelled: none is passed over in silence."""
    answer = reader.get(f"{GROUP}?{query}", authorization=HEADER)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:person-changes:problem:parameter")


def test_what_the_caller_has_is_not_sent_again(reader: "Ingress", database_url: str) -> None:
    """304 without a body while the group is the same; with another refresh, or with something pending, it is sent."""
    first = reader.get(GROUP, authorization=HEADER)
    tag = first.headers["etag"]
    headers = {"authorization": HEADER, "if-none-match": f'"other", {tag}'}
    same = reader.run(reader.client.get(GROUP, headers=headers))
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    assert reader.get(GROUP, authorization=HEADER, if_none_match='"other"').status_code == 200
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE companies SET pending_count = 1, pending_since = from_ms(1), refresh_due_at = from_ms(2)"
        )
    changed = reader.run(reader.client.get(GROUP, headers=headers))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE companies SET pending_count = 2")
    again = reader.run(reader.client.get(GROUP, headers={**headers, "if-none-match": changed.headers["etag"]}))

    assert (changed.status_code, again.status_code) == (200, 200)
    assert len({tag, changed.headers["etag"], again.headers["etag"]}) == 3
    assert reader.run(reader.client.get(GROUP, headers={**headers, "if-none-match": "*"})).status_code == 304


_MEMBERS = st.dictionaries(
    st.sampled_from("abcd"),
    st.tuples(st.sampled_from(["champion", "blocker"]), st.sampled_from(["vp", "manager", None])),
).map(
    lambda found: tuple(
        Member(p, p.upper(), None, role, 1, level, None, f"{role} {level}", "r") for p, (role, level) in found.items()
    )
)


@given(st.lists(_MEMBERS, max_size=6), st.sets(st.sampled_from("abcd")))
def test_the_history_rebuilds_every_version(versions: list[tuple[Member, ...]], departed: set[str]) -> None:
    """Whatever a group went through, folding its differences gives people and roles of its last version."""
    before: tuple[Member, ...] = ()
    lines: list[HistoryLine] = []
    for number, members in enumerate(versions, 1):
        changes = diff_groups(before, members, frozenset(departed))
        lines += [HistoryLine(number, c.kind, c.person_id, c.name, c.after, c.why) for c in changes]
        before = members

    found = {(member.person_id, member.role, member.name) for member in past_members(GroupHistory(0, tuple(lines)))}
    assert found == {(member.person_id, member.role, member.name) for member in before}
