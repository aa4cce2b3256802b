"""What providers send, by their own documentation, and what we read in it."""

import json
from typing import Any

import pytest

from ingress.providers import Found, Skipped
from ingress.providers.coresignal import SAME_EVENT_MS
from ingress.providers.registry import ADAPTERS
from schemas.events import Company, FieldChange, InvalidChangeError, Movement, Person
from schemas.hints import PersonHint

NOW = 1_768_407_400_000
"""Some seconds after Lusha's example was sent, ms UTC."""

LUSHA = json.loads(
    """{"id":"f3b87e05-0402-4f3e-8e26-6a38fd0ad62c","type":"promotion","entityType":"contact","entityId":"4158887495",
 "subscriptionId":"507f1f77bcf86cd799439011",
 "data":{"personId":4158887495,"currentCompanyId":40823133,"currentCompanyName":"OMG Hospitality Group LLC",
  "currentDomain":"omghospitalitygroup.com","currentTitle":"Bartender","currentDepartments":[{"id":7,"value":"Other"}],
  "previousCompanyName":"First Watch Restaurants","previousDomain":"firstwatch.com","signalDate":"2025-07-01"},
 "timestamp":"2026-01-14T16:16:35.841Z","billing":{"creditsCharged":1}}"""
)
LUSHA_DAY = 1_751_328_000_000
"""2025-07-01."""
LUSHA_OPT_OUT = json.loads(
    """{"contactId":"987654321","fullName":"Jane Doe","companyName":"Acme Corp","jobTitle":"Director of Product",
 "linkedinUrl":"https://www.linkedin.com/in/jane-doe","contactOptOutDate":"2026-01-14 14:32:11.412",
 "contactExposureDate":"2025-08-03 09:15:47","datapoints":[{"datapointId":"jane.doe@acme.com","datapointType":"email"}],
 "partnerClientId":"acme-crm-tenant-42"}"""
)
CORESIGNAL = json.loads(
    """[
  {"member_id": 123, "status": "started_matching_query", "changed_fields": null},
  {"member_id": 124, "status": "stopped_matching_query", "changed_fields": null},
  {"member_id": 125, "status": "changed", "changed_fields": ["skills", "headline", "certifications"]}
]"""
)
LINKEDIN = {
    "type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS",
    "notifications": [
        {
            "notificationId": 5603453321,
            "organizationalEntity": "urn:li:organization:96072893",
            "action": "COMMENT",
            "lastModifiedAt": 1_767_000_000_000,
            "decoratedGeneratedActivity": {"comment": {"owner": "urn:li:person:zLqTygBP8S", "text": "Well done"}},
        },
        {
            "notificationId": 5603453322,
            "organizationalEntity": "urn:li:organization:96072893",
            "action": "LIKE",
            "lastModifiedAt": 1_767_000_000_001,
        },
    ],
}
LEAD = {"type": "LEAD_ACTION", "leadAction": "CREATED", "occurredAt": 1720000000000}


def hubspot(**parts: Any) -> dict[str, Any]:
    """An event of HubSpot's, with all the fields of its documentation."""
    return {
        "eventId": 100,
        "subscriptionId": 9,
        "portalId": 33,
        "appId": 1160452,
        "occurredAt": 1_768_000_000_000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": 123,
        "propertyName": "jobtitle",
        "propertyValue": "VP Sales",
        "changeSource": "CRM_UI",
        "sourceId": "userId:1",
        **parts,
    }


def read(adapter: str, payload: Any, received_at: int = NOW, source: str | None = None) -> Found:
    """What an adapter finds in a payload that says something."""
    found = ADAPTERS[adapter](payload, received_at, source)
    assert not isinstance(found, Skipped)
    return Found(tuple(found)) if isinstance(found, list) else found


def refusal(adapter: str, payload: Any) -> str:
    """The field that is wrong."""
    with pytest.raises(InvalidChangeError) as caught:
        ADAPTERS[adapter](payload, NOW, None)
    return caught.value.field


def test_lushas_promotion_is_a_change_at_the_company_of_now() -> None:
    """Ids become text; what counts as the time is the day of the signal, not that of the delivery."""
    found = read("lusha", LUSHA)

    (change,) = found.changes
    assert found.hints == ()
    assert (change.event_id, change.source, change.type) == (LUSHA["id"], "lusha", "person.promotion")
    assert change.company == Company("40823133", "OMG Hospitality Group LLC", "omghospitalitygroup.com")
    assert change.person == Person("4158887495", title="Bartender", department="Other")
    assert (change.occurred_at, change.received_at, change.movement) == (LUSHA_DAY, NOW, Movement.NONE)


def test_lushas_move_says_joined_by_id_and_left_by_domain() -> None:
    """The company that was left has no id: that they left it is a hint, by name and domain, with the same event id."""
    found = read("lusha", {**LUSHA, "type": "companyChange"}, source="acme-lusha")

    (joined,), (left,) = found.changes, found.hints
    assert (joined.company.id, joined.movement, joined.type) == ("40823133", Movement.JOINED, "person.company_change")
    assert (left.person, left.movement) == (Person("4158887495"), Movement.LEFT)
    assert (left.company_name, left.company_domain) == ("First Watch Restaurants", "firstwatch.com")
    assert {joined.event_id, left.event_id} == {LUSHA["id"]}
    assert {joined.source, left.source} == {"acme-lusha"}


def test_lushas_move_with_both_ids_is_two_changes() -> None:
    """Each names the other company."""
    data = {**LUSHA["data"], "previousCompanyId": 7}
    left, joined = read("lusha", {**LUSHA, "type": "companyChange", "data": data}).changes

    assert (left.company.id, left.movement, left.other_company) == ("7", Movement.LEFT, joined.company)
    assert (joined.company.id, joined.movement, joined.other_company) == ("40823133", Movement.JOINED, left.company)
    assert left.person == Person("4158887495")


@pytest.mark.parametrize(
    "previous",
    [
        {"previousDomain": "omghospitalitygroup.com"},
        {"previousDomain": "OMGhospitalitygroup.com", "previousCompanyName": "x"},
        {"previousCompanyId": 40823133},
        {},
    ],
)
def test_nobody_leaves_the_company_that_they_are_at(previous: dict[str, Any]) -> None:
    """A previous company that is the present one, or none at all, is no departure."""
    data = {name: value for name, value in LUSHA["data"].items() if not name.startswith("previous")}
    found = read("lusha", {**LUSHA, "type": "companyChange", "data": {**data, **previous}})

    assert [(change.company.id, change.movement) for change in found.changes] == [("40823133", Movement.JOINED)]
    assert found.hints == ()


def test_lushas_opt_out_takes_along_nothing_but_the_id() -> None:
    """What must be forgotten is not published once more; a redelivery is the same event."""
    (hint,) = read("lusha", LUSHA_OPT_OUT).hints
    (again,) = read("lusha", LUSHA_OPT_OUT, NOW + 1000).hints

    assert (hint.type, hint.person, hint.changes) == ("person.opted_out", Person("987654321"), {})
    assert hint.occurred_at == 1_768_401_131_412
    assert again.event_id == hint.event_id


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({}, "type"),
        ({**LUSHA, "id": None}, "id"),
        ({**LUSHA, "data": None}, "data"),
        ({**LUSHA, "data": {**LUSHA["data"], "personId": {}}}, "data.personId"),
        ({**LUSHA, "data": {"currentCompanyId": 1}, "entityId": ""}, "entityId"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentCompanyId": None}}, "data.currentCompanyId"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentCompanyId": "\n"}}, "data.currentCompanyId"),
        ({**LUSHA, "data": {**LUSHA["data"], "signalDate": "July"}}, "data.signalDate"),
        ({**LUSHA, "data": {**LUSHA["data"], "signalDate": "2027-01-01"}}, "data.signalDate"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentTitle": 3}}, "data.currentTitle"),
        ({**LUSHA, "data": {**LUSHA["data"], "currentDepartments": [7]}}, "data.currentDepartments[0]"),
        ({**LUSHA_OPT_OUT, "contactId": 1.5}, "contactId"),
    ],
)
def test_what_is_wrong_with_a_signal_is_named_as_lusha_spells_it(payload: Any, field: str) -> None:
    """Whoever looks at the delivery in Lusha's log finds it."""
    assert refusal("lusha", payload) == field


def test_hubspots_changes_become_one_hint_an_event() -> None:
    """A title is a value, a company a reason to look, a privacy deletion an opt-out; the rest says nothing."""
    found = read(
        "hubspot",
        [
            hubspot(),
            hubspot(eventId=101, propertyName="company", propertyValue="Acme"),
            hubspot(eventId=102, propertyName="lifecyclestage", propertyValue="lead"),
            hubspot(eventId=103, subscriptionType="contact.privacyDeletion", propertyName=None, propertyValue=None),
            hubspot(eventId=104, subscriptionType="contact.creation"),
            hubspot(eventId=105, propertyValue=""),
        ],
    )

    assert found.changes == ()
    assert [(hint.type, hint.person) for hint in found.hints] == [
        ("person.role_change", Person("123", title="VP Sales")),
        ("buyer_group.refresh_requested", Person("123")),
        ("person.opted_out", Person("123")),
    ]
    assert found.hints[0].changes == {"title": FieldChange(None, "VP Sales")}
    assert {hint.movement for hint in found.hints} == {Movement.UNSTATED}
    assert {hint.occurred_at for hint in found.hints} == {1_768_000_000_000}


def test_hubspots_event_ids_are_made_unique() -> None:
    """HubSpot does not promise it: contact, time and property tell two apart, an attempt does not."""
    first, other_contact, other_property, later, again = read(
        "hubspot",
        [
            hubspot(),
            hubspot(objectId=124),
            hubspot(propertyName="email", propertyValue="a@b.c"),
            hubspot(occurredAt=1_768_000_000_001),
            hubspot(attemptNumber=1),
        ],
    ).hints

    assert len({hint.event_id for hint in (first, other_contact, other_property, later)}) == 4
    assert again == first
    assert first.event_id.startswith("100:")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "body"),
        ([], "body"),
        ([hubspot(), 1], "[1]"),
        ([*[hubspot()] * 3, hubspot(objectId=None)], "[3].objectId"),
        ([hubspot(objectId=" ")], "[0].objectId"),
        ([hubspot(eventId=None)], "[0].eventId"),
        ([hubspot(eventId="e" * 300)], "[0].eventId"),
        ([hubspot(occurredAt="soon")], "[0].occurredAt"),
        ([hubspot(occurredAt=NOW * 2)], "[0].occurredAt"),
        ([hubspot(propertyValue=[])], "[0].propertyValue"),
        ([hubspot(propertyName="company", propertyValue={})], "[0].propertyValue"),
    ],
)
def test_what_is_wrong_with_an_event_is_named_by_its_place(payload: Any, field: str) -> None:
    """One of a hundred: which, and which field."""
    assert refusal("hubspot", payload) == field


def test_coresignals_members_become_one_hint_each() -> None:
    """It says that somebody changed, not how; ids are text, and the time is that of the receipt."""
    hints = read("coresignal", CORESIGNAL).hints

    assert [hint.person.id for hint in hints] == ["123", "124", "125"]
    assert {(hint.type, hint.occurred_at, hint.movement) for hint in hints} == {
        ("buyer_group.refresh_requested", NOW, Movement.UNSTATED)
    }
    assert hints[2].changes["changed_fields"] == FieldChange(None, '["skills","headline","certifications"]')
    assert hints[1].changes == {"status": FieldChange(None, "stopped_matching_query")}


def test_coresignals_redelivery_is_the_same_event_and_next_weeks_is_another() -> None:
    """Identical bytes recur: within hours they are a redelivery, tomorrow they are news."""

    def ids(payload: Any, received_at: int) -> list[str]:
        return [hint.event_id for hint in read("coresignal", payload, received_at).hints]

    start = NOW - NOW % SAME_EVENT_MS
    first = ids(CORESIGNAL, start)
    assert ids(CORESIGNAL, start + SAME_EVENT_MS - 1) == first
    assert set(ids(CORESIGNAL, start + 24 * 3600 * 1000)).isdisjoint(first)
    assert set(ids(CORESIGNAL[:2], start)).isdisjoint(first), "another delivery is another event"
    assert len(set(first)) == 3
    assert len(ids([CORESIGNAL[0]] * 2, start)) == 1, "the same element twice says it once"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "body"),
        ([3], "[0]"),
        ([{"status": "changed"}], "[0].member_id"),
        ([CORESIGNAL[0], {"member_id": 1}], "[1].status"),
        ([{"member_id": 1, "status": "changed", "changed_fields": "skills"}], "[0].changed_fields"),
        ([{"member_id": 1, "status": "changed", "changed_fields": ["x" * 5000]}], "[0].changed_fields"),
    ],
)
def test_what_is_wrong_with_a_member_is_named_by_its_place(payload: Any, field: str) -> None:
    """In CoreSignal's words."""
    assert refusal("coresignal", payload) == field


def test_linkedins_social_actions_are_hints_about_who_acted() -> None:
    """The notification's id is the event's; a like names nobody."""
    (hint,) = read("linkedin", LINKEDIN).hints

    assert (hint.event_id, hint.person) == ("5603453321", Person("urn:li:person:zLqTygBP8S"))
    assert (hint.type, hint.occurred_at) == ("buyer_group.refresh_requested", 1_767_000_000_000)


@pytest.mark.parametrize(
    "payload", [LEAD, {"type": "SOMETHING_ELSE"}, {**LINKEDIN, "notifications": [{"notificationId": 1}]}]
)
def test_linkedins_families_without_a_person_are_skipped(payload: Any) -> None:
    """Nothing is wrong with them, so LinkedIn must not send them again."""
    assert isinstance(ADAPTERS["linkedin"](payload, NOW, None), Skipped)


def test_linkedins_names_of_the_original_are_changes() -> None:
    """What watches LinkedIn for us sends the original's shape."""
    payload = {"id": 1, "type": "profile.update", "person": {"id": 2, "newTitle": "CRO"}, "company": {"id": 3}}
    (change,) = read("linkedin", payload).changes

    assert (change.source, change.company.id, change.type) == ("linkedin", "3", "person.role_change")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({"type": 1}, "type"),
        ({**LINKEDIN, "notifications": {}}, "notifications"),
        ({**LINKEDIN, "notifications": [{"notificationId": 1}, {}]}, "notifications[1].notificationId"),
        (
            {**LINKEDIN, "notifications": [{**LINKEDIN["notifications"][0], "lastModifiedAt": 3}]},  # type: ignore[dict-item]
            "notifications[0].lastModifiedAt",
        ),
        (
            {
                **LINKEDIN,
                "notifications": [
                    {
                        "notificationId": 1,
                        "decoratedGeneratedActivity": {"comment": {"owner": f"urn:li:person:{'x' * 300}"}},
                    }
                ],
            },
            "notifications[0].decoratedGeneratedActivity.comment.owner",
        ),
    ],
)
def test_what_is_wrong_with_a_notification_is_named_by_its_place(payload: Any, field: str) -> None:
    """In LinkedIn's words."""
    assert refusal("linkedin", payload) == field


def envelope(**data: Any) -> dict[str, Any]:
    """A Standard Webhooks payload."""
    return {"type": "person.role_change", "timestamp": "2026-01-14T16:16:35.841Z", "data": data}


def test_an_envelope_holds_a_change_in_the_originals_words() -> None:
    """Type and time are the envelope's; without an id of its own it gets one from all that it says."""
    payload = envelope(person={"id": 1, "newTitle": "CRO"}, company={"id": 2})
    (change,), (again,) = (
        read("standard-webhooks", payload).changes,
        read("standard-webhooks", payload, NOW + 9).changes,
    )
    (later,) = read("standard-webhooks", {**payload, "timestamp": "2026-01-14T16:16:35.842Z"}).changes

    assert (change.type, change.company.id, change.person) == ("person.role_change", "2", Person("1", title="CRO"))
    assert change.occurred_at == 1_768_407_395_841
    assert again.event_id == change.event_id != later.event_id
    assert read("standard-webhooks", {**payload, "id": "msg_1"}).changes[0].event_id == "msg_1"


@pytest.mark.parametrize("kind", ["person.role_change", "person.promotion", "person.opted_out"])
def test_a_thin_envelope_is_a_hint(kind: str) -> None:
    """A person without a company."""
    (hint,) = read("standard-webhooks", {**envelope(person=7), "type": kind}).hints

    assert (hint.type, hint.person, hint.movement) == (kind, Person("7"), Movement.UNSTATED)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "body"),
        ({"type": "person.promotion", "data": 1}, "data"),
        ({"data": {}}, "type"),
        ({**envelope(person=1), "timestamp": "x"}, "timestamp"),
        ({**envelope(person=1), "id": []}, "id"),
        (envelope(), "data.person.id"),
        (envelope(person=1, company={"name": "x"}), "data.company.id"),
        ({**envelope(person=1), "type": "person.company_change"}, "data.company.id"),
    ],
)
def test_what_is_wrong_with_an_envelope_is_named_by_its_path(payload: Any, field: str) -> None:
    """Inside and outside of `data`."""
    assert refusal("standard-webhooks", payload) == field


def test_an_opt_out_in_the_originals_shape_needs_no_company() -> None:
    """It names a person; with a company it stays a change at that company."""
    payload = {"id": "e", "type": "person.opted_out", "person": {"id": "p", "name": "Ann"}}
    (hint,) = read("original", payload).hints

    assert hint == PersonHint("e", "generic", "person.opted_out", NOW, NOW, Person("p"))
    assert read("original", {**payload, "company": "c"}).changes[0].company.id == "c"


def test_the_registry_names_all_adapters() -> None:
    """A configuration can choose each of them."""
    assert list(ADAPTERS) == ["original", "standard-webhooks", "lusha", "hubspot", "coresignal", "linkedin"]
