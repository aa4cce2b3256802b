"""Authentic webhooks that cannot be read, from senders who would take a refusal for a reason to stop."""

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import ingress.app
from ingress.providers.registry import ADAPTERS
from ingress.settings import IngressSettings
from ingress.sources import Sources, sources_from

if TYPE_CHECKING:
    from tests.ingress.conftest import Ingress

PATH = "/api/webhooks/person-change/keeping"


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source `keeping`, which sends what HubSpot sends, beside the original one."""

    def sources(settings: IngressSettings) -> Sources:
        original = sources_from(settings).original
        assert original is not None
        own = replace(original, name="keeping", given="k", read=ADAPTERS["hubspot"], keeps_unreadable=True)
        return Sources(original, MappingProxyType({"keeping": own}))

    monkeypatch.setattr(ingress.app, "sources_from", sources)


def letters(database_url: str) -> list[tuple[Any, ...]]:
    """What was kept."""
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "SELECT source, body, field, reason, deliveries, status FROM webhook_dead_letters ORDER BY body"
        ).fetchall()


@pytest.mark.usefixtures("keeping")
def test_what_cannot_be_read_is_kept_whole_and_answered_with_success(
    servers_of_test: dict[str, Any], start: Callable[..., "Ingress"], database_url: str
) -> None:
    """With the field and the reason; the same bytes again are counted."""
    served = start(**servers_of_test)
    wrong = b'[{"objectId":1,"subscriptionType":"contact.propertyChange","propertyName":"company"}]'
    bodies = [wrong, b"{no json", b'["\\u0000"]']
    answers = [served.post_bytes(body, PATH) for body in (*bodies, bodies[0])]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert {answer.json()["status"] for answer in answers} == {"kept"}
    found = letters(database_url)
    assert [(source, bytes(body), deliveries) for source, body, _, _, deliveries, _ in found] == [
        ("keeping", bodies[2], 1),
        ("keeping", bodies[0], 2),
        ("keeping", bodies[1], 1),
    ]
    assert [field for _, _, field, *_ in found] == ["[0]", "[0].eventId", "body"]
    assert served.measured('ingress_webhooks_total{answer="kept",source="keeping"}') == 4


@pytest.mark.usefixtures("keeping")
def test_others_are_told_what_is_wrong(
    servers_of_test: dict[str, Any], start: Callable[..., "Ingress"], database_url: str
) -> None:
    """The original's 422 stays, and so does the 401 of who cannot prove who they are."""
    served = start(**servers_of_test)

    assert served.post({"type": "person.promotion"}).status_code == 422
    assert served.post_bytes(b"{no json").status_code == 400
    assert served.post_bytes(b"{no json", PATH, x_signature="0" * 64).status_code == 401
    assert letters(database_url) == []


@pytest.mark.usefixtures("keeping")
def test_what_cannot_be_kept_is_not_answered_with_success(start: Callable[..., "Ingress"]) -> None:
    """Without the database: 503, and the sender sends it again."""
    answer = start(database_url="postgresql://127.0.0.1:1/nothing").post_bytes(b"{no json", PATH)

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
