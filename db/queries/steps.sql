-- What steps of other pipelines ask; every statement looks rows up by key.

-- aliases: which of our companies a source's id, and a domain, mean
SELECT kind, company_id FROM company_aliases
WHERE (source = %(source)s AND kind = 'id' AND alias = %(their_id)s)
   OR (source = '' AND kind = 'domain' AND alias = %(domain)s)

-- company: what is known of a company
SELECT name, domain, industry, employee_count FROM companies WHERE company_id = %(company_id)s

-- people: everybody who works at a company now, once, with the level that was stated last under any of their ids
SELECT r.person_id, r.name, r.title, (
           SELECT e.stated_seniority FROM employments e
           WHERE e.company_id = r.company_id AND (e.person_id = r.person_id OR e.canonical_id = r.person_id)
           ORDER BY e.stated_seniority_stamp DESC NULLS LAST LIMIT 1
       ), r.department, r.email, r.linkedin_url, r.country
FROM roster r
WHERE r.company_id = %(company_id)s
ORDER BY r.person_id

-- choices: roles that users chose and did not take back, under the id that each person is known by
SELECT person_id, role, set_by
FROM (
    SELECT DISTINCT ON (coalesce(e.canonical_id, c.person_id))
           coalesce(e.canonical_id, c.person_id) AS person_id, c.role, c.set_by
    FROM role_choices c
    LEFT JOIN employments e USING (company_id, person_id)
    WHERE c.company_id = %(company_id)s AND c.workspace_id = %(workspace_id)s
    ORDER BY coalesce(e.canonical_id, c.person_id), c.stamp DESC
) AS latest
WHERE role IS NOT NULL

-- covered: what became of changes at a company, and the refresh that covers each
SELECT event_id, outcome, to_ms(refresh_due_at) FROM webhook_events
WHERE company_id = %(company_id)s AND source = %(source)s AND event_id = ANY(%(event_ids)s)

-- refreshes: the last refresh of a company, and the one that is due
SELECT to_ms(last_refresh_at), to_ms(refresh_due_at) FROM companies WHERE company_id = %(company_id)s
