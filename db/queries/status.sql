-- What `person-changes status` reads: two statements, whatever the size of the tables.

-- read_partitions: where each partition of the log is, and what became of its records
SELECT kafka_partition, next_offset, to_ms(log_time), consumed, refreshed, deferred, superseded, ignored, duplicate,
       dead_letter, tick, wrong_partition
FROM consumer_positions
WHERE topic = %(topic)s
ORDER BY kafka_partition

-- read_overview: sizes, what waits, and the server's clock; a table of more than a million rows is estimated, not counted
SELECT to_ms(clock_timestamp()),
       CASE WHEN size.companies > %(exact)s THEN size.companies ELSE (SELECT count(*) FROM companies) END,
       CASE WHEN size.people > %(exact)s THEN size.people ELSE (SELECT count(*) FROM people) END,
       CASE WHEN size.groups > %(exact)s THEN size.groups ELSE (SELECT count(*) FROM buyer_groups) END,
       greatest(size.companies, size.people, size.groups) > %(exact)s,
       pending.companies, pending.changes, to_ms(pending.oldest), to_ms(pending.next_due), pending.due,
       (SELECT count(*) FROM dead_letters WHERE status = 'open'),
       waiting.messages, to_ms(waiting.oldest), searches.number, to_ms(searches.oldest)
FROM (
    SELECT max(reltuples) FILTER (WHERE oid = 'companies'::regclass)::bigint AS companies,
           max(reltuples) FILTER (WHERE oid = 'people'::regclass)::bigint AS people,
           max(reltuples) FILTER (WHERE oid = 'buyer_groups'::regclass)::bigint AS groups
    FROM pg_class
    WHERE oid IN ('companies'::regclass, 'people'::regclass, 'buyer_groups'::regclass)
) AS size
CROSS JOIN (
    SELECT count(*) AS companies, coalesce(sum(pending_count), 0)::bigint AS changes, min(pending_since) AS oldest,
           min(refresh_due_at) AS next_due, count(*) FILTER (WHERE refresh_due_at <= clock_timestamp()) AS due
    FROM companies
    WHERE refresh_due_at IS NOT NULL
) AS pending
CROSS JOIN (SELECT count(*) AS messages, min(log_time) AS oldest FROM outbox) AS waiting
CROSS JOIN (SELECT count(*) AS number, min(created_at) AS oldest FROM erasure_searches) AS searches
