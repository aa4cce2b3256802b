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

-- past_group: a buyer group as it was at a log time, one row a member; one row without a member when nobody was in it
SELECT h.workspace_id, h.company_id, h.version, h.policy_version, to_ms(CASE WHEN h.tracked THEN r.log_time
       ELSE h.log_time END), to_ms(h.changed_at), h.completeness, h.missing,
       m.person_id, m.role, m.name, m.title, m.seniority, m.function, m.score, m.why, m.rule, m.own_role, m.set_by,
       m.confidence
FROM (
    SELECT * FROM buyer_group_head_history
    WHERE company_id = %(company_id)s AND workspace_id = %(workspace_id)s AND log_time <= from_ms(%(until)s)
    ORDER BY log_time DESC LIMIT 1
) AS h
CROSS JOIN LATERAL (
    SELECT log_time FROM buyer_group_refresh_logs l
    WHERE l.company_id = h.company_id AND l.log_time <= from_ms(%(until)s)
    ORDER BY log_time DESC LIMIT 1
) AS r
LEFT JOIN LATERAL (
    SELECT DISTINCT ON (person_id, role) *
    FROM buyer_group_member_history
    WHERE company_id = h.company_id AND workspace_id = h.workspace_id AND log_time <= from_ms(%(until)s)
    ORDER BY person_id, role, log_time DESC
) AS m ON m.present
ORDER BY array_position(ARRAY['decision_maker', 'champion', 'stakeholder', 'blocker', 'introducer'], m.role),
         m.score DESC, m.person_id

-- versions: what the versions of a group changed, the newest first, one row a line
SELECT c.version, to_ms(c.log_time), h.policy_version, c.event_ids, c.kind, c.person_id, c.name, c.before, c.after,
       c.why, c.cause, c.went_to_id, c.went_to_name
FROM (
    SELECT DISTINCT version FROM buyer_group_changes
    WHERE company_id = %(company_id)s AND workspace_id = %(workspace_id)s
      AND (%(person_id)s::text IS NULL OR person_id = %(person_id)s)
      AND log_time >= from_ms(%(since)s) AND log_time <= from_ms(%(until)s)
    ORDER BY version DESC LIMIT %(limit)s
) AS v
JOIN buyer_group_changes c
    ON c.company_id = %(company_id)s AND c.workspace_id = %(workspace_id)s AND c.version = v.version
LEFT JOIN buyer_group_head_history h USING (company_id, workspace_id, log_time)
WHERE %(person_id)s::text IS NULL OR c.person_id = %(person_id)s
ORDER BY c.version DESC, c."position"

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
