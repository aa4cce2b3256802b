-- What the HTTP side and the command line ask; every statement looks rows up by key.

-- known_events: which of these changes are in the inbox
SELECT w.company_id, w.source, w.event_id
FROM unnest(%(company_id)s::text[], %(source)s::text[], %(event_id)s::text[]) AS d (company_id, source, event_id)
JOIN webhook_events w USING (company_id, source, event_id)

-- group: a buyer group, one row a member; one row without a member when nobody is in it
SELECT g.workspace_id, g.company_id, c.name, c.domain, c.industry, c.employee_count, g.version, g.policy_version,
       to_ms(g.refreshed_at), to_ms(g.changed_at), c.pending_count, to_ms(c.pending_since), to_ms(c.refresh_due_at),
       m.person_id, m.role, m.name, m.title, m.seniority, m.function, m.score, m.why
FROM buyer_groups g
JOIN companies c USING (company_id)
LEFT JOIN buyer_group_members m USING (company_id, workspace_id)
WHERE g.company_id = %(company_id)s AND g.workspace_id = %(workspace_id)s
ORDER BY array_position(ARRAY['decision_maker', 'champion', 'stakeholder', 'blocker', 'introducer'], m.role),
         m.score DESC, m.person_id
