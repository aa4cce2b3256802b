"""L1: once ingress has answered 2xx, the change is applied, whatever crashes in between."""

import asyncio
import hashlib
import hmac
import json
import time

import httpx
import pytest

from tests.support.system import SECRET, System, wait_for

WEBHOOKS = 600


async def post_all(url: str, prefix: str) -> set[str]:
    """Post many changes side by side, as long as somebody answers; returns the ids of those answered 2xx."""
    stored: set[str] = set()

    async def post(client: httpx.AsyncClient, number: int) -> None:
        event_id = f"{prefix}-{number}"
        body = json.dumps(
            {
                "id": event_id,
                "type": "person.role_change",
                "person": {"id": f"p{number % 10}", "title": f"Title {number}"},
                "company": {"id": f"c{number % 40}"},
            }
        )
        timestamp = str(time.time_ns() // 1_000_000)
        signature = hmac.new(SECRET.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-timestamp": timestamp, "x-signature": signature}
        try:
            answer = await client.post(f"{url}/api/webhooks/person-change", content=body, headers=headers)
        except httpx.HTTPError:
            return
        if answer.is_success:
            stored.add(answer.json()["eventId"])

    limits = httpx.Limits(max_connections=40)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:
        await asyncio.gather(*(post(client, number) for number in range(WEBHOOKS)))
    return stored


@pytest.mark.parametrize("killed_after", [0.05, 0.4])
def test_every_change_that_was_answered_2xx_is_applied(system: System, killed_after: float) -> None:
    """Ingress and consumer are killed while webhooks come in: who was told 202 finds the change in the inbox."""
    system.settings |= {"BATCH_MAX_RECORDS": "20"}
    url = system.start_ingress()
    ingress, consumer = system.children[-1], system.start_consumer()
    wait_for("ingress", lambda: "ingress listens" in ingress.log.read_text())

    async def killed_meanwhile() -> set[str]:
        posting = asyncio.create_task(post_all(url, "first"))
        await asyncio.to_thread(wait_for, "first records", lambda: sum(system.ends().values()) > 20)
        await asyncio.sleep(killed_after)
        system.kill(consumer)
        system.kill(ingress)
        return await posting

    stored = asyncio.run(killed_meanwhile())
    heir = system.start_consumer()
    wait_for("partitions of the heir", lambda: system.assigned(heir))
    wait_for("end of the log", lambda: system.positions() == system.ends())

    applied = {event_id for (event_id,) in system.query("SELECT event_id FROM webhook_events")}
    assert stored
    assert stored <= applied
    assert system.stop(heir) == 0
