-- What the HTTP side and the command line ask; every statement looks rows up by key.

-- known_events: which of these changes are in the inbox
SELECT w.company_id, w.source, w.event_id
FROM unnest(%(company_id)s::text[], %(source)s::text[], %(event_id)s::text[]) AS d (company_id, source, event_id)
JOIN webhook_events w USING (company_id, source, event_id)

-- group: a buyer group, one row a member; one row without a member when nobody is in it
SELECT g.workspace_id, g.company_id, c.name, c.domain, c.industry, c.employee_count, g.version, g.policy_version,
       to_ms(g.refreshed_at), to_ms(g.changed_at), g.completeness, g.missing, c.pending_count,
       to_ms(c.pending_since), to_ms(c.refresh_due_at),
       m.person_id, m.role, m.name, m.title, m.seniority, m.function, m.score, m.why, m.rule, m.own_role, m.set_by,
       m.confidence,
       ARRAY(
           SELECT e.person_id FROM employments e
           WHERE e.company_id = g.company_id AND e.canonical_id = m.person_id AND e.person_id <> m.person_id
           ORDER BY e.person_id
       )
FROM buyer_groups g
JOIN companies c USING (company_id)
LEFT JOIN buyer_group_members m USING (company_id, workspace_id)
WHERE g.company_id = %(company_id)s AND g.workspace_id = %(workspace_id)s
ORDER BY array_position(ARRAY['decision_maker', 'champion', 'stakeholder', 'blocker', 'introducer'], m.role),
         m.score DESC, m.person_id

-- history: what made a group until a log time, one row a line; one row without a line when nobody was in it yet
WITH head AS (
    SELECT l.log_time
    FROM buyer_group_refresh_logs l
    JOIN buyer_groups g ON g.company_id = l.company_id AND g.workspace_id = %(workspace_id)s
    WHERE l.company_id = %(company_id)s AND l.log_time <= from_ms(%(until)s)
    ORDER BY l.log_time DESC LIMIT 1
)
SELECT to_ms(head.log_time), h.version, h.kind, h.person_id, h.name, h.after, h.why
FROM head
LEFT JOIN buyer_group_changes h
    ON h.company_id = %(company_id)s AND h.workspace_id = %(workspace_id)s AND h.log_time <= from_ms(%(until)s)
ORDER BY h.version, h.position

-- outcomes: what became of a change at each company it touched
SELECT w.company_id, w.type, w.outcome, w.reason, to_ms(w.occurred_at), to_ms(w.received_at), to_ms(w.log_time),
       to_ms(w.refresh_due_at), l.outcome, w.deliveries
FROM webhook_events w
LEFT JOIN buyer_group_refresh_logs l ON l.company_id = w.company_id AND l.log_time = w.refresh_due_at
WHERE w.source = %(source)s AND w.event_id = %(event_id)s
ORDER BY w.company_id
LIMIT %(limit)s

-- dead_letters: records of a change that could not be applied
SELECT company_id, reason, status, to_ms(log_time)
FROM dead_letters
WHERE headers @> jsonb_build_array(
    jsonb_build_array('ce_id', %(event_id)s::text), jsonb_build_array('ce_source', %(source)s::text)
)
ORDER BY log_time DESC, kafka_partition, kafka_offset DESC
LIMIT %(limit)s
