-- Nothing is left of a person who opted out. Every table that holds something of a person has its statement here; a test
-- (tests/opt_outs/test_knows_all.py) fails for a column that nobody has thought of. The number of statements
-- does not grow with what is erased, but with the names of whoever opts out.

-- lock_commits: from here on no batch commits, and none that is at it can; readers are not held up
LOCK TABLE consumer_positions IN SHARE ROW EXCLUSIVE MODE

-- find_newer: an opt-out that a batch did not know when it was computed
SELECT 1 FROM opt_outs WHERE number > %(number)s LIMIT 1

-- read_count: the number of the latest opt-out; 0 when nobody has opted out
SELECT coalesce(max(number), 0) FROM opt_outs

-- read_opted_out: which of these marks are of people who opted out
SELECT o.mark FROM unnest(%(mark)s::bytea[]) AS n (mark) JOIN opt_outs AS o USING (mark)

-- read_places: from where on changes with these marks are ignored
SELECT o.company_id, o.mark, o.kafka_partition, o.kafka_offset
FROM unnest(%(company_id)s::text[], %(mark)s::bytea[]) AS n (company_id, mark)
JOIN opt_out_places AS o USING (company_id, mark)

-- read_key_ids: with which keys marks were made that are newer than the number
SELECT DISTINCT key_id FROM opt_outs WHERE number > %(number)s

-- keep_opt_outs: marks of people who opted out
INSERT INTO opt_outs (mark, key_id)
SELECT mark, key_id FROM unnest(%(mark)s::bytea[], %(key_id)s::bytea[]) AS n (mark, key_id)
ON CONFLICT DO NOTHING

-- keep_opt_out_places: from where on a company's changes with a mark are ignored
INSERT INTO opt_out_places (company_id, mark, kafka_partition, kafka_offset)
SELECT company_id, mark, kafka_partition, kafka_offset
FROM unnest(%(company_id)s::text[], %(mark)s::bytea[], %(kafka_partition)s::int[], %(kafka_offset)s::bigint[])
    AS n (company_id, mark, kafka_partition, kafka_offset)
ON CONFLICT DO NOTHING

-- erase_people: who they are
DELETE FROM people AS p
USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE p.company_id = n.company_id AND p.person_id = n.person_id

-- erase_employments: where they worked
DELETE FROM employments AS e
USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE e.company_id = n.company_id AND e.person_id = n.person_id

-- erase_choices: roles that users set for them
DELETE FROM role_choices AS r
USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE r.company_id = n.company_id AND r.person_id = n.person_id

-- erase_members: their places in groups; the next version says how many went
WITH gone AS (
    DELETE FROM buyer_group_members AS m
    USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
    WHERE m.company_id = n.company_id AND m.person_id = n.person_id
    RETURNING m.company_id, m.workspace_id, m.person_id
)
UPDATE buyer_groups AS g
SET erased = g.erased + n.people
FROM (
    SELECT company_id, workspace_id, count(DISTINCT person_id) AS people FROM gone GROUP BY company_id, workspace_id
) AS n
WHERE g.company_id = n.company_id AND g.workspace_id = n.workspace_id

-- erase_past_members: what they were in groups at any time
DELETE FROM buyer_group_member_history AS m
USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE m.company_id = n.company_id AND m.person_id = n.person_id

-- erase_past_members_made_of: what others were in groups while they were held for one with them; that somebody is in a
-- role no more stays, it says nothing else
DELETE FROM buyer_group_member_history AS m
USING unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE m.company_id = n.company_id AND n.person_id = ANY (m.made_of)

-- erase_changes_made_of: what history says of others and them, while they were held for one
UPDATE buyer_group_changes AS c
SET person_id = NULL, name = NULL, before = NULL, after = NULL, why = 'erased', went_to_id = NULL, went_to_name = NULL,
    made_of = NULL
FROM unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE c.company_id = n.company_id AND n.person_id = ANY (c.made_of)

-- erase_changes: what history says of them; that something changed stays
UPDATE buyer_group_changes AS c
SET person_id = NULL, name = NULL, before = NULL, after = NULL, why = 'erased', went_to_id = NULL, went_to_name = NULL,
    made_of = NULL
FROM unnest(%(company_id)s::text[], %(person_id)s::text[]) AS n (company_id, person_id)
WHERE c.company_id = n.company_id
  AND (n.person_id IN (c.person_id, c.before, c.after)
       -- Of somebody else, who was held for them: the reason ends with the id that they were known as.
       OR c.kind = 'identity_corrected' AND right(c.why, length(n.person_id) + 1) = ' ' || n.person_id)

-- erase_events: ids of events that name them, of those that lie before the opt-out
UPDATE webhook_events AS w
SET event_id = 'erased:' || w.kafka_partition || '-' || w.kafka_offset
FROM unnest(%(company_id)s::text[], %(patterns)s::text[], %(kafka_partition)s::int[], %(kafka_offset)s::bigint[])
    AS n (company_id, patterns, kafka_partition, kafka_offset)
WHERE w.company_id = n.company_id AND w.event_id ~* ANY (n.patterns::text[])
  AND NOT (w.kafka_partition = n.kafka_partition AND w.kafka_offset > n.kafka_offset)

-- erase_causes: the same ids in history
UPDATE buyer_group_changes AS c
SET event_ids = ARRAY (
    SELECT CASE WHEN id ~* ANY (n.patterns::text[]) THEN 'erased' ELSE id END
    FROM unnest(c.event_ids) WITH ORDINALITY AS e (id, i)
    ORDER BY i
)
FROM unnest(%(company_id)s::text[], %(patterns)s::text[], %(log_time)s::bigint[]) AS n (company_id, patterns, log_time)
WHERE c.company_id = n.company_id AND c.log_time <= from_ms(n.log_time)
  AND EXISTS (SELECT 1 FROM unnest(c.event_ids) AS e (id) WHERE id ~* ANY (n.patterns::text[]))

-- rewrite_outbox: what waits to be told, without them
UPDATE outbox AS o
SET value = n.value
FROM unnest(%(company_id)s::text[], %(workspace_id)s::text[], %(version)s::bigint[], %(value)s::bytea[])
    AS n (company_id, workspace_id, version, value)
WHERE o.company_id = n.company_id AND o.workspace_id = n.workspace_id AND o.version = n.version

-- read_outbox: what waits to be told of these companies
SELECT company_id, workspace_id, version, value
FROM outbox
WHERE company_id = ANY (%(company_id)s::text[])

-- read_told_together: lines of those messages that tell of several ids which were held for one person
SELECT c.company_id, c.workspace_id, c.version, c.person_id, c.made_of
FROM buyer_group_changes AS c JOIN outbox USING (company_id, workspace_id, version)
WHERE c.company_id = ANY (%(company_id)s::text[]) AND c.made_of IS NOT NULL

-- erase_letters: of a fold aside, where nobody waits for a lock: records that nobody could apply and that hold an id of
-- theirs, readable or not
UPDATE dead_letters
SET key = NULL, value = NULL, headers = '[]', reason = 'its person opted out; nothing of the record is kept',
    status = CASE WHEN status = 'open' THEN 'discarded' ELSE status END,
    settled_at = coalesce(settled_at, clock_timestamp()), settled_why = coalesce(settled_why, 'its person opted out')
WHERE encode(value, 'escape') ~* ANY (%(patterns)s::text[]) OR encode(key, 'escape') ~* ANY (%(patterns)s::text[])
   OR headers::text ~* ANY (%(patterns)s::text[]) OR reason ~* ANY (%(patterns)s::text[])

-- keep_searches: what is to be searched for them once this is committed; see searches.sql
INSERT INTO erasure_searches (names) SELECT names::text[] FROM unnest(%(names)s::text[]) AS n (names)

-- erase_hints: what waits to be said of them; not the opt-out itself, which must reach other companies first
DELETE FROM parked_hints AS p
USING unnest(%(source)s::text[], %(person_id)s::text[]) AS n (source, person_id)
WHERE p.person_id = n.person_id AND (n.source IS NULL OR p.source = n.source)
  AND NOT (p.type = 'person.opted_out' AND p.status = 'parked')

-- call_others: other companies may know them: the resolver is to look
INSERT INTO parked_hints (source, person_id, event_id, type, log_time, reason, value)
SELECT source, person_id, event_id, 'person.opted_out', from_ms(log_time), 'other companies know them', value
FROM unnest(
    %(source)s::text[], %(person_id)s::text[], %(event_id)s::text[], %(log_time)s::bigint[], %(value)s::bytea[]
) AS n (source, person_id, event_id, log_time, value)
WHERE EXISTS (SELECT 1 FROM employments AS e WHERE e.person_id IN (n.person_id, n.source || ':' || n.person_id))
ON CONFLICT DO NOTHING
