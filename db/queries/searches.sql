-- What opt-outs have left to be searched, a bounded page at a time, in the order of a key that never changes. A page
-- has at least one row, however large it is.

-- one_snapshot: the statements of a page see the same rows, less what they erased themselves
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ

-- claim: a search that nobody is at; one that has begun first
SELECT number, names, part, place
FROM erasure_searches
ORDER BY place IS NULL, number
LIMIT 1
FOR UPDATE SKIP LOCKED

-- begin: from here on a search does the work of others too that have not begun, as long as their names are few
WITH others AS (
    SELECT number, names FROM erasure_searches
    WHERE place IS NULL AND number <> %(number)s
    ORDER BY number
    LIMIT %(searches)s
    FOR UPDATE SKIP LOCKED
), few AS (
    SELECT number, names, sum(cardinality(names)) OVER (ORDER BY number) AS so_far FROM others
), gone AS (
    DELETE FROM erasure_searches AS e USING few
    WHERE e.number = few.number AND (few.so_far <= %(names)s::int OR few.names <@ %(own)s::text[])
    RETURNING e.names
)
UPDATE erasure_searches AS e
SET place = '{}', names = ARRAY (
    SELECT name FROM (SELECT unnest(e.names) UNION SELECT unnest(gone.names) FROM gone) AS n (name) ORDER BY name
)
WHERE e.number = %(number)s
RETURNING e.names

-- go_on: where a search is
UPDATE erasure_searches SET part = %(part)s, place = %(place)s::text[] WHERE number = %(number)s

-- end: a search has been through everything
DELETE FROM erasure_searches WHERE number = %(number)s

-- count_searches: how many wait or are under way
SELECT count(*) FROM erasure_searches

-- search_letters: records that nobody could apply and that hold an id of theirs, readable or not
WITH page AS (
    SELECT topic, kafka_partition, kafka_offset, octets,
           sum(octets) OVER (ORDER BY topic, kafka_partition, kafka_offset) AS so_far
    FROM (
        SELECT topic, kafka_partition, kafka_offset, coalesce(octet_length(value), 0) AS octets
        FROM dead_letters
        WHERE (topic, kafka_partition, kafka_offset) > (
            coalesce((%(place)s::text[])[1], ''), coalesce((%(place)s::text[])[2]::int, -1),
            coalesce((%(place)s::text[])[3]::bigint, -1)
        )
        ORDER BY topic, kafka_partition, kafka_offset
        LIMIT %(rows)s
    ) AS next
), taken AS MATERIALIZED (
    SELECT topic, kafka_partition, kafka_offset FROM page WHERE so_far - octets < %(octets)s::bigint
), cleared AS (
    UPDATE dead_letters AS d
    SET key = NULL, value = NULL, headers = '[]', reason = 'its person opted out; nothing of the record is kept',
        status = CASE WHEN d.status = 'open' THEN 'discarded' ELSE d.status END,
        settled_at = coalesce(d.settled_at, clock_timestamp()),
        settled_why = coalesce(d.settled_why, 'its person opted out')
    FROM taken AS t
    WHERE d.topic = t.topic AND d.kafka_partition = t.kafka_partition AND d.kafka_offset = t.kafka_offset
      AND (
          encode(d.value, 'escape') ~* ANY (%(patterns)s::text[]) OR encode(d.key, 'escape') ~* ANY (%(patterns)s::text[])
          OR d.headers::text ~* ANY (%(patterns)s::text[]) OR d.reason ~* ANY (%(patterns)s::text[])
      )
)
SELECT ARRAY[topic, kafka_partition::text, kafka_offset::text]
FROM taken ORDER BY topic DESC, kafka_partition DESC, kafka_offset DESC LIMIT 1

-- search_webhooks: bodies that nobody could read and that hold an id of theirs
WITH page AS (
    SELECT source, body_sha256, octets, sum(octets) OVER (ORDER BY source, body_sha256) AS so_far
    FROM (
        SELECT source, body_sha256, octet_length(body) AS octets
        FROM webhook_dead_letters
        WHERE (source, body_sha256) > (
            coalesce((%(place)s::text[])[1], ''), decode(coalesce((%(place)s::text[])[2], ''), 'hex')
        )
        ORDER BY source, body_sha256
        LIMIT %(rows)s
    ) AS next
), taken AS MATERIALIZED (
    SELECT source, body_sha256 FROM page WHERE so_far - octets < %(octets)s::bigint
), gone AS (
    DELETE FROM webhook_dead_letters AS w
    USING taken AS t
    WHERE w.source = t.source AND w.body_sha256 = t.body_sha256
      AND (encode(w.body, 'escape') ~* ANY (%(patterns)s::text[]) OR w.reason ~* ANY (%(patterns)s::text[]))
)
SELECT ARRAY[source, encode(body_sha256, 'hex')]
FROM taken ORDER BY source DESC, body_sha256 DESC LIMIT 1

-- search_steps: what pipelines of others made of them; a repetition runs again
WITH page AS (
    SELECT created_at, company_id, step, idempotency_key, octets,
           sum(octets) OVER (ORDER BY created_at, company_id, step, idempotency_key) AS so_far
    FROM (
        SELECT created_at, company_id, step, idempotency_key, coalesce(pg_column_size(output), 0) AS octets
        FROM pipeline_operations
        WHERE step <> 'save_buyer_group' AND (created_at, company_id, step, idempotency_key) > (
            coalesce((%(place)s::text[])[1]::timestamptz, '-infinity'), coalesce((%(place)s::text[])[2], ''),
            coalesce((%(place)s::text[])[3], ''), coalesce((%(place)s::text[])[4], '')
        )
        ORDER BY created_at, company_id, step, idempotency_key
        LIMIT %(rows)s
    ) AS next
), taken AS MATERIALIZED (
    SELECT created_at, company_id, step, idempotency_key FROM page WHERE so_far - octets < %(octets)s::bigint
), gone AS (
    DELETE FROM pipeline_operations AS o
    USING taken AS t
    WHERE o.company_id = t.company_id AND o.step = t.step AND o.idempotency_key = t.idempotency_key
      AND (o.output::text ~* ANY (%(patterns)s::text[]) OR o.error ~* ANY (%(patterns)s::text[]) OR o.idempotency_key ~* ANY (%(patterns)s::text[]))
)
SELECT ARRAY[created_at::text, company_id, step, idempotency_key]
FROM taken ORDER BY created_at DESC, company_id DESC, step DESC, idempotency_key DESC LIMIT 1
