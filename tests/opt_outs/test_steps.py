"""A pipeline that goes on to save somebody who has opted out is refused, and told so."""

import pytest

from consumers.steps import PipelineContext, PipelineSettings, save_buyer_group
from db.traces import traces
from schemas.events import Person
from tests.opt_outs.people import ANN, TRACES, opt_out, said
from tests.support.system import PATIENCE, System, wait_for

BO = {"person_id": "bo", "name": "Bo Other", "title": "Head of Marketing"}
SAME_ID = {"person_id": ANN.id, "name": ANN.name, "title": "CFO", "country": "DE"}
SAME_ADDRESS = {"person_id": "spreadsheet-7", "name": ANN.name, "email": ANN.email, "title": "CFO"}
OF_PIPELINES = "SELECT outcome, reason FROM webhook_events WHERE source = 'pipeline-import' ORDER BY 1, 2"


@pytest.mark.parametrize("person", [SAME_ID, SAME_ADDRESS, {**SAME_ID, "present": False}])
def test_somebody_who_opted_out_is_not_saved_again(system: System, person: dict[str, object]) -> None:
    """By a known id or address, working there or not: `ignored` as by the tombstone, and no table holds any of it."""
    system.publish([said("e1", "acme"), opt_out("wish", "acme"), said("e2", "acme", Person("cy", "Cy", title="CEO"))])
    settings = PipelineSettings.model_validate(system.consumer_settings().model_dump())
    with system.consumer_here(refresh_interval_seconds=0.01), PipelineContext("import", "r", settings, PATIENCE) as run:
        wait_for("opt-out", lambda: system.applied() >= 3)
        wait_for("erasure", lambda: traces(system.database_url, TRACES) == [])  # letters are searched after the opt-out
        saved = save_buyer_group.execute({"company": {"company_id": "acme"}, "people": [person, BO]}, run)
        wait_for("refresh", system.settled)
        again = save_buyer_group.execute({"company": {"company_id": "acme"}, "people": [person]}, run, key="again")

    assert saved.outcomes["ignored"] == 1
    assert again.outcomes == {"ignored": 1}
    outcomes = system.query(OF_PIPELINES)
    assert outcomes.count(("ignored", "its person has opted out")) == 2
    assert len(outcomes) == 3
    assert system.query("SELECT person_id FROM roster ORDER BY 1") == [("bo",), ("cy",)]
    assert traces(system.database_url, (*TRACES, "spreadsheet-7")) == []
    assert system.command("verify", REFRESH_INTERVAL_SECONDS="0.01").returncode == 0
