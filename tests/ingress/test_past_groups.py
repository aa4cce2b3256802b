"""A group as it was, from its append-only history; and answers that need not be sent twice."""

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Ingress

GROUP = "/api/v1/intelligence/buyer-group/acme"
HEADER = "Bearer a-token-for-tests-only"
HOUR = 3_600_000
START = 1_760_000_000_000
FIELDS: list[str] = "personId role name title seniority function score why rule ownRole setBy confidence".split()  # noqa: SIM905
ANN_SAYS = ("Ann", "IT Manager", "manager", "it", 55, "runs IT", "rule 1", None, None, 90)
RISEN_SAYS = ("Ann B.", "VP IT", "vp", "it", 65, "runs IT as VP", "set-by-user", "Sponsor", "user 1", 100)
BEN_SAYS = ("Ben", "Head of Sales", "head", "sales", 80, "heads sales", "rule 3", None, None, 90)
LIGHTER_SAYS = ("Ben", "Head of  Sales", "head", "sales", 79, "heads sales", "rule 3", None, None, 90)
NOTHING = (None,) * 10


@pytest.fixture
def reader(start: "Callable[..., Ingress]", database_url: str) -> "Ingress":
    """A group that was refreshed four times: Ann joined, Ben joined and Ann rose, Ben's weight changed, Ann left."""
    heads = [(0, 1, 0, 0), (1, 2, 1, 0), (3, 3, 3, 1)]
    members: list[tuple[object, ...]] = [
        ("ann", "stakeholder", 0, True, *ANN_SAYS),
        ("ann", "stakeholder", 1, False, *NOTHING),
        ("ann", "decision_maker", 1, True, *RISEN_SAYS),
        ("ben", "champion", 1, True, *BEN_SAYS),
        ("ben", "champion", 2, True, *LIGHTER_SAYS),
        ("ann", "decision_maker", 3, False, *NOTHING),
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
        for hour, version, changed, policy in heads:
            connection.execute(
                "INSERT INTO buyer_group_head_history"
                " VALUES ('acme', 'default', from_ms(%s), %s, from_ms(%s), %s, 100, '{}', true)",
                (START + hour * HOUR, version, START + changed * HOUR, policy),
            )
        for person, role, at, *says in members:
            connection.execute(
                "INSERT INTO buyer_group_member_history"
                " VALUES ('acme', 'default', %s, %s, from_ms(%s)" + ", %s" * 11 + ")",
                (person, role, START + int(str(at)) * HOUR, *says),
            )
    return start(database_url=database_url)


def _past(ingress: "Ingress", as_of: object) -> Any:
    return ingress.run(ingress.client.get(GROUP, params={"as_of": str(as_of)}, headers={"authorization": HEADER}))


def _member(*values: object) -> dict[str, object]:
    return dict(zip(FIELDS, values, strict=True))


ANN = _member("ann", "stakeholder", *ANN_SAYS)
RISEN = _member("ann", "decision_maker", *RISEN_SAYS)
BEN = _member("ben", "champion", *BEN_SAYS)
LIGHTER = _member("ben", "champion", *LIGHTER_SAYS)


@pytest.mark.parametrize(
    ("at", "version", "refreshed", "policy", "members"),
    [
        (0, 1, 0, 0, [ANN]),
        (HOUR - 1, 1, 0, 0, [ANN]),
        (HOUR, 2, 1, 0, [RISEN, BEN]),
        (2 * HOUR, 2, 2, 0, [RISEN, LIGHTER]),
        (3 * HOUR, 3, 3, 1, [LIGHTER]),
        (4 * HOUR, 3, 3, 1, [LIGHTER]),
    ],
)
def test_a_group_is_read_as_it_was(  # a row of the table
    reader: "Ingress", at: int, version: int, refreshed: int, policy: int, members: list[dict[str, object]]
) -> None:
    """At each log time: version, policy, and members with all that they were then."""
    answer = _past(reader, START + at)

    assert answer.status_code == 200
    document = answer.json()
    assert (document["version"], document["policyVersion"], document["members"]) == (version, policy, members)
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


@pytest.fixture
def told(reader: "Ingress", database_url: str) -> "Ingress":
    """The same group with what its versions changed."""
    lines = [
        (1, 0, "joined", "ann", "Ann", None, "stakeholder", "runs IT", "world", None, None),
        (2, 0, "joined", "ben", "Ben", None, "champion", "heads sales", "settings", None, None),
        (3, 0, "left", "ann", "Ann B.", "decision_maker", None, "left for Globex", "world", "globex", "Globex"),
        (3, 1, "incomplete", None, None, None, "decision_maker", "no decision maker left", "world", None, None),
    ]
    with psycopg.connect(database_url) as connection:
        for version, position, kind, *rest in lines:
            at = START + (0, 0, 1, 3)[version] * HOUR
            connection.execute(
                "INSERT INTO buyer_group_changes (company_id, workspace_id, version, position, log_time, event_ids,"
                " kind, person_id, name, before, after, why, cause, went_to_id, went_to_name)"
                " VALUES ('acme', 'default', %s, %s, from_ms(%s), '{e1,e2}'" + ", %s" * 9 + ")",
                (version, position, at, kind, *rest),
            )
    return reader


def test_the_history_has_versions_with_their_lines(told: "Ingress") -> None:
    """The newest first: when, under which policy, after which changes, what and why, and who caused it."""
    document = told.get(f"{GROUP}/history", authorization=HEADER).json()

    assert [version["version"] for version in document["versions"]] == [3, 2, 1]
    last = document["versions"][0]
    assert (last["policyVersion"], last["eventIds"]) == (1, ["e1", "e2"])
    assert last["changes"] == [
        {"kind": "left", "personId": "ann", "name": "Ann B.", "before": "decision_maker", "after": None}
        | {"why": "left for Globex", "cause": "world", "wentTo": {"companyId": "globex", "name": "Globex"}},
        {"kind": "incomplete", "personId": None, "name": None, "before": None, "after": "decision_maker"}
        | {"why": "no decision maker left", "cause": "world", "wentTo": None},
    ]
    assert document["versions"][1]["changes"][0]["cause"] == "settings"


@pytest.mark.parametrize(
    ("query", "versions"),
    [
        ("person=ben", [2]),
        ("person=nobody", []),
        ("limit=1", [3]),
        (f"since={START + HOUR}", [3, 2]),
        ("since=2100-01-01", []),
        (f"since={10**21}", []),
    ],
)
def test_the_history_can_be_narrowed(told: "Ingress", query: str, versions: list[int]) -> None:
    """By person, time and number."""
    document = told.get(f"{GROUP}/history?{query}", authorization=HEADER).json()

    assert [version["version"] for version in document["versions"]] == versions


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{GROUP}/history?limit=0", 400),
        (f"{GROUP}/history?limit=1001", 400),
        (f"{GROUP}/history?limit=x", 400),
        (f"{GROUP}/history?as_of=1", 400),
        (f"{GROUP}/history?workspace=other", 404),
        (f"{GROUP}%2Fhistory", 404),
        ("/api/v1/intelligence/buyer-group/nobody/history", 404),
    ],
)
def test_a_wrong_question_about_history_is_refused(told: "Ingress", path: str, status: int) -> None:
    """And an escaped slash belongs to the company's id."""
    assert told.get(path, authorization=HEADER).status_code == status


def test_the_history_needs_a_token(told: "Ingress") -> None:
    """As the group does."""
    assert told.get(f"{GROUP}/history").status_code == 401
