"""What providers send, by their own documentation, and how a test reads it."""

import json
from typing import Any

import pytest

from ingress.providers import Found, Skipped
from ingress.providers.registry import ADAPTERS
from schemas.events import InvalidChangeError

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


def envelope(**data: Any) -> dict[str, Any]:
    """A Standard Webhooks payload."""
    return {"type": "person.role_change", "timestamp": "2026-01-14T16:16:35.841Z", "data": data}
