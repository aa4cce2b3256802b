-- The digest of what the log has made (law L6). {table} is one of `db.digest.TABLES`, {part} the column that the table is
-- told apart by (the company, mostly), {condition} which rows count. A row is its JSON without the columns that are left
-- out, hashed with SHA-256; hashes are added up in two halves, so that no order and no sort is needed.

-- digest_table: rows of a table, and their digest
SELECT count(*),
       encode(sha256(convert_to(concat_ws(
           ':',
           count(*),
           sum(('x' || left(hash, 16))::bit(64)::bigint),
           sum(('x' || substr(hash, 17, 16))::bit(64)::bigint)
       ), 'UTF8')), 'hex')
FROM (
    SELECT encode(sha256(convert_to((to_jsonb(t) - %(left_out)s::text[])::text, 'UTF8')), 'hex') AS hash
    FROM {table} AS t
    WHERE {condition}
) AS hashes

-- digest_parts: the same for each company of a table, in order
SELECT part COLLATE "C",
       encode(sha256(convert_to(concat_ws(
           ':',
           count(*),
           sum(('x' || left(hash, 16))::bit(64)::bigint),
           sum(('x' || substr(hash, 17, 16))::bit(64)::bigint)
       ), 'UTF8')), 'hex')
FROM (
    SELECT coalesce(t.{part}::text, '') AS part,
           encode(sha256(convert_to((to_jsonb(t) - %(left_out)s::text[])::text, 'UTF8')), 'hex') AS hash
    FROM {table} AS t
    WHERE {condition}
) AS hashes
GROUP BY 1
ORDER BY 1

-- part_rows: the rows of one company, as they count
SELECT to_jsonb(t) - %(left_out)s::text[]
FROM {table} AS t
WHERE {condition} AND coalesce(t.{part}::text, '') = %(part)s

-- read_places: where all partitions of a topic are
SELECT kafka_partition, next_offset, to_ms(log_time), epoch
FROM consumer_positions
WHERE topic = %(topic)s

-- read_overdue: is a company's refresh due at its partition's log time, but not made yet
SELECT EXISTS (
    SELECT 1
    FROM consumer_positions p
    JOIN companies c ON c.kafka_partition = p.kafka_partition AND c.refresh_due_at <= p.log_time
    WHERE p.topic = %(topic)s
)

-- is_remembered: a row of the inbox that no consumer may have deleted for its age ({alias} is the table's)
(%(remembered_ms)s::bigint IS NULL OR NOT EXISTS (
    SELECT 1 FROM consumer_positions p
    WHERE p.topic = %(topic)s AND p.kafka_partition = {alias}.kafka_partition
      AND {alias}.log_time <= p.log_time - %(remembered_ms)s::bigint * interval '1 ms'
))

-- read_split: companies that have changes on several partitions of a topic, and on which
SELECT company_id, array_agg(DISTINCT kafka_partition ORDER BY kafka_partition)
FROM (
    SELECT company_id, kafka_partition FROM webhook_events
    UNION ALL
    SELECT company_id, kafka_partition FROM companies
    UNION ALL
    SELECT company_id, kafka_partition FROM dead_letters
    WHERE company_id IS NOT NULL AND (%(topic)s::text IS NULL OR topic = %(topic)s)
) AS places
WHERE %(companies)s::text[] IS NULL OR company_id = ANY (%(companies)s::text[])
GROUP BY company_id
HAVING min(kafka_partition) <> max(kafka_partition)
ORDER BY company_id
