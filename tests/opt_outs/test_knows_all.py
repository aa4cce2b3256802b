"""Erasure knows every column that may hold something of a person: whoever adds one must say which kind it is."""

from dataclasses import replace
from typing import Any

import psycopg

from db.traces import traces
from schemas.events import ChangeType
from tests.opt_outs.people import ANN, TRACES, opt_out, rows, said, search
from tests.support.consumption import consume, log_of, processor_for, shifted

WHOLE_ROWS = frozenset(
    {
        *("people", "employments", "role_choices", "buyer_group_members", "buyer_group_member_history"),
        *("parked_hints", "webhook_dead_letters", "pipeline_operations", "erasure_searches"),
    }
)
"""Tables whose rows about a person are deleted, with whatever columns they have."""
CLEARED = {
    "companies": {"name_stamp", "domain_stamp", "industry_stamp", "employee_count_stamp", "pending_events"},
    "webhook_events": {"event_id"},
    "buyer_group_changes": {
        "person_id",
        "name",
        "before",
        "after",
        "why",
        "event_ids",
        "went_to_id",
        "went_to_name",
        "made_of",
    },
    "outbox": {"value"},
    "dead_letters": {"key", "value", "headers", "reason"},
}
"""Columns that are cleared or rewritten, while the row stays."""
OF_NOBODY = {
    "companies": {"company_id", "name", "domain", "industry"},
    "webhook_events": {"company_id", "source", "type", "outcome", "reason"},
    "buyer_group_changes": {"company_id", "workspace_id", "kind", "cause"},
    "outbox": {"company_id", "workspace_id", "topic"},
    "dead_letters": {"topic", "company_id", "status", "settled_why"},
    "buyer_groups": {"company_id", "workspace_id", "missing"},
    "buyer_group_head_history": {"company_id", "workspace_id", "missing"},
    "buyer_group_refresh_logs": {"company_id", "cause", "outcome"},
    "consumer_positions": {"topic"},
    "workspaces": {"workspace_id", "policy", "created_by"},
    "api_tokens": {"token_id", "token_hash", "name", "scopes", "workspace_id"},
    "idempotency_keys": {"token_id", "idempotency_key", "fingerprint", "event_id", "answer"},
    "company_aliases": {"source", "kind", "alias", "company_id"},
    "opt_outs": {"mark", "key_id"},
    "opt_out_places": {"company_id", "mark"},
    "schema_migrations": {"name", "checksum"},
}
"""Columns that never hold anything of a person who is on a roster."""
_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables
    USING (table_schema, table_name)
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
      AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'ARRAY', 'character varying')
"""


def test_every_column_is_classified(database_url: str) -> None:
    """A new table or column fails here until `db/queries/erasure.sql` erases it, or it is said to be of nobody."""
    found: dict[str, set[str]] = {}
    for table, column in rows(database_url, _COLUMNS):
        if table not in WHOLE_ROWS:
            found.setdefault(table, set()).add(column)
    known = {table: OF_NOBODY[table] | CLEARED.get(table, set()) for table in OF_NOBODY}
    assert found == known


def test_whatever_is_classified_is_erased(database_url: str) -> None:
    """A database with something of the person in every such table and column has nothing of them afterwards."""
    event = f"7:{ANN.id}:title"
    facts: dict[str, Any] = {"name": "Acme", "domain": "acme.example", "industry": "it", "employee_count": 3}
    processor = processor_for(database_url)
    consume(processor, log_of([said(event, **facts)]))
    choice = said(f"c:{ANN.id}", kind=ChangeType.ROLE_SET)
    consume(
        processor, shifted(processor, log_of([choice, said(f"8:{ANN.id}", person=replace(ANN, title="CEO, Quixley"))]))
    )
    letter = shifted(processor, log_of([said("letter")]))[0]
    consume(processor, [letter._replace(key=f"not {ANN.id}".encode())])
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in _FILL:
            connection.execute(statement.encode(), {"id": ANN.id, "name": ANN.name, "email": ANN.email})
    before = {(trace.table, trace.column) for trace in traces(database_url, TRACES)}
    assert {(table, column) for table, columns in CLEARED.items() for column in columns} <= before
    assert {table for table, _ in before} >= WHOLE_ROWS

    consume(processor, shifted(processor, log_of([opt_out()])))
    processor.store.close()
    search(database_url)

    assert traces(database_url, TRACES) == []


_FILL = (
    """
    UPDATE buyer_group_changes
    SET before = %(id)s, after = %(id)s, why = %(name)s, went_to_id = %(id)s, went_to_name = %(name)s,
        made_of = ARRAY[%(id)s, 'bob']
    """,
    "UPDATE dead_letters SET headers = jsonb_build_array(jsonb_build_array('ce_id', %(id)s::text)), reason = %(id)s",
    """
    INSERT INTO parked_hints (source, person_id, event_id, type, log_time, reason, value)
    VALUES ('test', %(id)s, 'h', 'person.role_change', now(), 'unknown', '\\x00')
    """,
    """
    INSERT INTO webhook_dead_letters (source, body_sha256, body, field, reason, received_at)
    VALUES ('s', '\\x00', convert_to(%(email)s, 'UTF8'), 'f', 'r', now())
    """,
    """
    INSERT INTO erasure_searches (names) VALUES (ARRAY[%(id)s])
    """,
    """
    INSERT INTO pipeline_operations (company_id, step, idempotency_key, input_hash, status, output)
    VALUES ('acme', 'p.s', 'k', 'h', 'succeeded', jsonb_build_object('member', %(id)s::text))
    """,
)
