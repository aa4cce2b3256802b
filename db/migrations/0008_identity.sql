-- Who is one person: what was said of it, and what the last refresh made of it.

ALTER TABLE people ADD COLUMN evidence text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN people.evidence IS
    'What else was said of who this is, each kind, value and stamp joined by U+001F: earlier addresses and profiles, and '
    'of other ids that they are the same person or another';

ALTER TABLE employments ADD COLUMN canonical_id text COLLATE "C";
COMMENT ON COLUMN employments.canonical_id IS
    'Several ids are one person: the one of them that groups have; NULL: a person with no other id';
CREATE INDEX employments_of_one ON employments (company_id, canonical_id) WHERE canonical_id IS NOT NULL;

-- Of a person with several ids each field is what was said last under any of them, as in the fold.
CREATE OR REPLACE VIEW roster AS
SELECT e.company_id, e.person_id, p.name, e.title, e.seniority, e.function, e.department, p.email, p.linkedin_url,
       p.country, coalesce(e.joined_at, e.first_seen_at) AS since
FROM employments e JOIN people p USING (company_id, person_id)
WHERE e.present AND e.canonical_id IS NULL
UNION ALL
SELECT e.company_id, e.canonical_id,
       (array_agg(p.name ORDER BY p.name_stamp DESC NULLS LAST, p.name DESC))[1],
       (array_agg(e.title ORDER BY e.title_stamp DESC NULLS LAST, e.title DESC))[1],
       (array_agg(e.seniority ORDER BY e.title_stamp DESC NULLS LAST, e.title DESC))[1],
       (array_agg(e.function ORDER BY e.title_stamp DESC NULLS LAST, e.title DESC))[1],
       (array_agg(e.department ORDER BY e.department_stamp DESC NULLS LAST, e.department DESC))[1],
       (array_agg(p.email ORDER BY p.email_stamp DESC NULLS LAST, p.email DESC))[1],
       (array_agg(p.linkedin_url ORDER BY p.linkedin_url_stamp DESC NULLS LAST, p.linkedin_url DESC))[1],
       (array_agg(p.country ORDER BY p.country_stamp DESC NULLS LAST, p.country DESC))[1],
       coalesce(max(e.joined_at), min(e.first_seen_at))
FROM employments e JOIN people p USING (company_id, person_id)
WHERE e.canonical_id IS NOT NULL
GROUP BY e.company_id, e.canonical_id
HAVING (array_agg(e.present ORDER BY e.present_stamp DESC, e.present DESC))[1];
COMMENT ON VIEW roster IS 'One row a person who works at the company now';
