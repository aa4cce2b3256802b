"""A signed change becomes records of the log, and only then is its sender told so."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from local.welcome import EXAMPLE
from schemas.events import ChangeType, Company, FieldChange, Movement, Person
from schemas.topics import partition_for

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress, Record

PATH = "/api/webhooks/person-change"
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _mover(event_id: str = "evt-1") -> dict[str, Any]:
    return {
        "id": event_id,
        "source": "acme-feed",
        "type": "person.company_change",
        "timestamp": "2025-10-10T12:00:00Z",
        "person": {
            "id": "p1",
            "email": "ada@new.test",
            "oldTitle": "CFO",
            "newTitle": "CEO",
            "oldCompany": {"id": "old", "name": "Old"},
            "newCompany": {"id": "new", "name": "New"},
        },
    }


def test_the_original_example_is_enqueued(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """The body of the quick start, to the letter, is answered as documented, and is the one record of the log."""
    answer = ingress.post_bytes(EXAMPLE.encode())

    assert (answer.status_code, answer.json()) == (202, {"status": "enqueued", "eventId": "evt_test_001"})
    assert answer.headers["content-type"] == "application/json"
    (record,) = records()
    assert record.key == b"company_456"
    assert record.partition == partition_for(b"company_456", 4)
    assert record.change.event_id == "evt_test_001"
    assert record.change.source == "test"
    assert record.change.type == ChangeType.ROLE_CHANGE
    assert record.change.occurred_at == 1_760_097_600_000
    assert record.change.received_at == ingress.now
    assert record.change.company == Company("company_456", "Test Company")
    assert record.change.person == Person("person_123", "John Doe", "john@example.com", title="CRO")
    assert record.change.changes == {"title": FieldChange("VP Sales", "CRO")}
    assert record.change.movement == Movement.NONE


def test_a_record_is_a_cloud_event(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """The headers are those of CloudEvents' binary binding for Kafka, and no others."""
    ingress.post_bytes(EXAMPLE.encode())

    (record,) = records()
    assert record.headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"evt_test_001",
        "ce_source": b"test",
        "ce_type": b"person.role_change",
        "ce_time": b"2025-10-10T12:00:00.000Z",
        "content-type": b"application/avro",
    }


def test_a_valid_trace_context_goes_on_and_a_broken_one_does_not(
    ingress: "Ingress", records: "Callable[[], list[Record]]", example: dict[str, Any]
) -> None:
    """What cannot be a W3C traceparent is dropped; the change is taken all the same."""
    broken = ["00-abc-def-01", _TRACE.upper(), _TRACE + "-more", _TRACE[:-1], "x" + _TRACE, ""]
    for number, trace in enumerate([_TRACE, *broken]):
        assert ingress.post({**example, "id": f"e{number}"}, traceparent=trace).status_code == 202

    traces = {record.change.event_id: record.headers.get("traceparent") for record in records()}
    assert traces == {"e0": _TRACE.encode()} | {f"e{number}": None for number in range(1, 1 + len(broken))}


@pytest.mark.parametrize(
    "trace",
    ["ff" + _TRACE[2:], f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01"],
)
def test_a_trace_context_of_zeros_or_of_version_ff_is_none(
    ingress: "Ingress", records: "Callable[[], list[Record]]", example: dict[str, Any], trace: str
) -> None:
    """W3C forbids version ff and ids of zeros only: they are not passed on."""
    ingress.post(example, traceparent=trace)

    assert "traceparent" not in records()[0].headers


def test_a_move_is_two_records(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """The company left and the company joined get a record each, under their own keys, with one event id."""
    answer = ingress.post(_mover())

    assert (answer.status_code, answer.json()) == (202, {"status": "enqueued", "eventId": "evt-1"})
    found = {record.key: record for record in records()}
    assert len(found) == 2
    left, joined = found[b"old"].change, found[b"new"].change
    assert (left.event_id, joined.event_id) == ("evt-1", "evt-1")
    assert (left.movement, joined.movement) == (Movement.LEFT, Movement.JOINED)
    assert (left.company, left.other_company) == (Company("old", "Old"), Company("new", "New"))
    assert (joined.company, joined.other_company) == (Company("new", "New"), Company("old", "Old"))
    assert {key: record.partition for key, record in found.items()} == {
        key: partition_for(key, 4) for key in (b"old", b"new")
    }


def test_a_move_may_be_told_by_changes_alone(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """`changes.company.old` is the company left, `company` the one joined."""
    payload = {**_mover(), "company": "new", "person": "p1", "changes": {"company": {"old": {"id": "old"}}}}
    assert ingress.post(payload).status_code == 202

    assert {(r.key, r.change.movement) for r in records()} == {(b"old", Movement.LEFT), (b"new", Movement.JOINED)}


def test_acknowledged_records_are_counted(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """When the answer to a move is there, the log has two records more, and the metric says two."""
    ingress.post(_mover())

    assert len(records()) == 2
    assert ingress.measured("ingress_records_total") == 2


def test_what_no_buyer_group_follows_from_is_skipped(
    ingress: "Ingress", records: "Callable[[], list[Record]]", example: dict[str, Any]
) -> None:
    """Another type is answered 200 with the reason, so that its sender does not send it again; nothing is stored."""
    answer = ingress.post({**example, "type": "company.funding_round"})

    assert answer.status_code == 200
    assert answer.json()["status"] == "skipped"
    assert "company.funding_round" in answer.json()["reason"]
    assert "person.role_change" in answer.json()["reason"]
    assert records() == []


def test_a_user_s_own_choice_of_role_is_not_a_provider_s_to_make(
    ingress: "Ingress", records: "Callable[[], list[Record]]", example: dict[str, Any]
) -> None:
    """The type `buyer_group.role_set` is skipped on a webhook, whatever else the payload says."""
    answer = ingress.post({**example, "type": ChangeType.ROLE_SET, "role": "champion"})

    assert (answer.status_code, answer.json()["status"]) == (200, "skipped")
    assert records() == []


def test_a_change_that_had_its_effect_is_not_published_again(
    ingress: "Ingress", records: "Callable[[], list[Record]]", inbox: Callable[[str, str, str], None]
) -> None:
    """The inbox has it: 200 `already_processed`, and the log stays as it is."""
    inbox("company_456", "test", "evt_test_001")
    answer = ingress.post_bytes(EXAMPLE.encode())

    assert (answer.status_code, answer.json()) == (200, {"status": "already_processed", "eventId": "evt_test_001"})
    assert records() == []


@pytest.mark.parametrize(
    "other", [("company_456", "test", "evt_2"), ("company_456", "x", "evt_test_001"), ("c", "test", "evt_test_001")]
)
def test_another_identity_is_another_change(
    ingress: "Ingress", inbox: Callable[[str, str, str], None], other: tuple[str, str, str]
) -> None:
    """Company, source and event id together are the identity: one of them different, and the change is new."""
    inbox(*other)

    assert ingress.post_bytes(EXAMPLE.encode()).status_code == 202


def test_a_move_is_known_when_both_companies_know_it(
    ingress: "Ingress", records: "Callable[[], list[Record]]", inbox: Callable[[str, str, str], None]
) -> None:
    """One half applied is not enough: both records are published again, and the consumer sees which is a duplicate."""
    inbox("old", "acme-feed", "evt-1")
    half = ingress.post(_mover())
    inbox("new", "acme-feed", "evt-1")
    whole = ingress.post(_mover())

    assert (half.status_code, half.json()["status"]) == (202, "enqueued")
    assert (whole.status_code, whole.json()) == (200, {"status": "already_processed", "eventId": "evt-1"})
    assert len(records()) == 2


def test_on_a_source_s_own_url_the_source_is_the_configured_one(
    ingress: "Ingress", records: "Callable[[], list[Record]]", example: dict[str, Any]
) -> None:
    """Whatever the payload says: nobody can write in another source's name."""
    assert ingress.post({**example, "source": "coresignal"}, PATH + "/generic").status_code == 202

    assert records()[0].change.source == "generic"


def test_a_database_that_is_away_holds_nobody_up(
    start: "Callable[..., Ingress]", servers_of_test: dict[str, Any], records: "Callable[[], list[Record]]"
) -> None:
    """The look-up fails open: changes are enqueued, and after the first one nobody waits for the database."""
    nowhere = {"database_url": "postgresql://127.0.0.1:1/nothing", "lookup_timeout_seconds": 0.5}
    ingress = start(**{**servers_of_test, **nowhere})
    first = ingress.post(_mover("e0"))
    began = time.monotonic()
    rest = [ingress.post(_mover(f"e{number}")) for number in range(1, 6)]

    assert [answer.status_code for answer in [first, *rest]] == [202] * 6
    assert time.monotonic() - began < 0.5
    assert ingress.measured("ingress_lookups_failed_total") >= 1
    assert len(records()) == 12


def test_a_broker_that_is_away_is_no_202(offline: "Ingress") -> None:
    """What was not stored is answered 503 with the time to come back, within the deadline, as a problem document."""
    began = time.monotonic()
    answer = offline.post_bytes(EXAMPLE.encode())

    assert answer.status_code == 503
    assert time.monotonic() - began < 2
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == "urn:person-changes:problem:not-acknowledged"
    assert document["status"] == 503
    assert document["title"]
    assert "0.2 s" in document["detail"]


def test_a_topic_that_is_not_there_is_no_202(
    start: "Callable[..., Ingress]", servers_of_test: dict[str, Any], example: dict[str, Any]
) -> None:
    """The broker refuses: 503, and nothing was made up to take the record."""
    missing = {"person_changes_topic": "never-made", "publish_timeout_seconds": 2}
    answer = start(**{**servers_of_test, **missing}).post(example)

    assert answer.status_code == 503
    assert answer.json()["type"].endswith("not-acknowledged")


def test_a_change_that_is_none_names_its_field(offline: "Ingress", example: dict[str, Any]) -> None:
    """422 says which field and why, also for machines."""
    answer = offline.post({**example, "person": {"name": "Nobody"}})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:person-changes:problem:invalid-change",
        "title": "This is no change",
        "status": 422,
        "detail": "person.id: must be given",
        "field": "person.id",
        "reason": "must be given",
    }


def test_webhooks_are_counted_by_source_and_answer(start: "Callable[..., Ingress]", example: dict[str, Any]) -> None:
    """Each answer is one in the metric of its kind, and none is open when all are answered."""
    offline = start()
    offline.post_bytes(b"{")
    offline.post({**example, "type": "other"})
    offline.post({**example, "type": "other"}, PATH + "/generic")

    for kind, count in (("malformed", 1), ("skipped", 2)):
        assert offline.measured(f'ingress_webhooks_total{{answer="{kind}",source="generic"}}') == count
    assert offline.measured("ingress_webhook_seconds_count") == 3
    assert offline.measured("ingress_open_webhooks") == 0


def test_many_at_once_are_all_stored(ingress: "Ingress", records: "Callable[[], list[Record]]") -> None:
    """Three hundred moves side by side: each is answered 202, and the log has two records of each."""
    bodies = [json.dumps(_mover(f"e{number}")).encode() for number in range(300)]

    async def post_all() -> list[int]:
        return [a.status_code for a in await asyncio.gather(*(ingress.send(body) for body in bodies))]

    assert ingress.run(post_all()) == [202] * 300
    stored = {(record.key, record.change.event_id) for record in records()}
    assert stored == {(company, f"e{number}") for company in (b"old", b"new") for number in range(300)}
