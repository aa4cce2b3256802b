-- What the resolver of hints asks and writes; every statement looks rows up by key.

-- known_people: where these people are known, by id as each source knows them.
-- A source's id counts where that source itself has said something of the row, or where the row's id is source:id.
-- Any other id than a number may be the same person's, whoever said it: sure or not, an opt-out reaches them.
SELECT source, hinted, company_id, person_id, present, name, domain, sure
FROM (
SELECT h.source, h.hinted, e.company_id, e.person_id, e.present, c.name, c.domain, id.scoped,
       id.scoped OR h.source IN (
           split_part(e.present_stamp, E'\x1f', 2), split_part(e.title_stamp, E'\x1f', 2),
           split_part(e.department_stamp, E'\x1f', 2), split_part(e.stated_seniority_stamp, E'\x1f', 2),
           split_part(p.name_stamp, E'\x1f', 2), split_part(p.email_stamp, E'\x1f', 2),
           split_part(p.linkedin_url_stamp, E'\x1f', 2), split_part(p.country_stamp, E'\x1f', 2)
       ) AS sure
FROM (
    SELECT DISTINCT source, person_id AS hinted
    FROM unnest(%(source)s::text[], %(person_id)s::text[]) AS n (source, person_id)
) AS h
CROSS JOIN LATERAL (VALUES (h.hinted, false), (h.source || ':' || h.hinted, true)) AS id (person_id, scoped)
JOIN employments e ON e.person_id = id.person_id
JOIN people p ON p.company_id = e.company_id AND p.person_id = e.person_id
LEFT JOIN companies c ON c.company_id = e.company_id
) AS known
WHERE sure OR hinted !~ '^[0-9]+$'
ORDER BY source, hinted, company_id, scoped DESC

-- park: hints that no company can be told of; again only with a new reason
INSERT INTO parked_hints (source, person_id, event_id, type, log_time, reason, value)
SELECT source, person_id, event_id, type, from_ms(log_time), reason, value
FROM unnest(
    %(source)s::text[], %(person_id)s::text[], %(event_id)s::text[], %(type)s::text[], %(log_time)s::bigint[],
    %(reason)s::text[], %(value)s::bytea[]
) AS n (source, person_id, event_id, type, log_time, reason, value)
ON CONFLICT (source, person_id, event_id) DO UPDATE
SET reason = excluded.reason, status = 'parked', value = excluded.value
WHERE parked_hints.reason <> excluded.reason OR parked_hints.status <> 'parked'

-- resolve: hints that companies were told of wait no more
UPDATE parked_hints AS p
SET status = 'resolved', value = NULL
FROM unnest(%(source)s::text[], %(person_id)s::text[], %(event_id)s::text[]) AS n (source, person_id, event_id)
WHERE p.source = n.source AND p.person_id = n.person_id AND p.event_id = n.event_id AND p.status = 'parked'

-- forget: nothing that was said of people who opted out is kept, nor that they did
DELETE FROM parked_hints AS p
USING unnest(%(source)s::text[], %(person_id)s::text[]) AS n (source, person_id)
WHERE p.person_id = n.person_id AND (n.source IS NULL OR p.source = n.source)

-- unknown_opt_outs: which of these marks are not kept yet
SELECT n.mark FROM unnest(%(mark)s::bytea[]) AS n (mark)
WHERE NOT EXISTS (SELECT 1 FROM opt_outs AS o WHERE o.mark = n.mark)

-- find_searches: whether these are searched for
SELECT 1 FROM erasure_searches WHERE names && %(names)s::text[] LIMIT 1

-- hold_opt_outs: from here on nobody's mark is committed; batches of changes are not held up
LOCK TABLE consumer_positions IN ROW EXCLUSIVE MODE

-- bury: records that are no hints
INSERT INTO dead_letters (topic, kafka_partition, kafka_offset, company_id, key, value, headers, log_time, reason)
SELECT %(topic)s, kafka_partition, kafka_offset, company_id, key, value, headers::jsonb, from_ms(log_time), reason
FROM unnest(
    %(kafka_partition)s::int[], %(kafka_offset)s::bigint[], %(company_id)s::text[], %(key)s::bytea[],
    %(value)s::bytea[], %(headers)s::text[], %(log_time)s::bigint[], %(reason)s::text[]
) AS n (kafka_partition, kafka_offset, company_id, key, value, headers, log_time, reason)
ON CONFLICT DO NOTHING

-- waiting: parked hints behind a place in their order
SELECT source, person_id, event_id, type, to_ms(log_time), reason, value
FROM parked_hints
WHERE status = 'parked'
  AND (log_time, source, person_id, event_id) > (from_ms(%(log_time)s), %(source)s, %(person_id)s, %(event_id)s)
ORDER BY log_time, source, person_id, event_id
LIMIT %(limit)s

-- count_waiting: how many hints are parked
SELECT count(*) FROM parked_hints WHERE status = 'parked'
